import { describe, expect, it } from 'vitest';
import type { DeployFlags } from '../../../src/commands/deploy/deploy-flags.ts';
import { startFakeNomad } from '../../stack/fake-nomad.ts';
import { answers, deploy, edited, parsedJob, template } from './job-file-deploy.ts';

const sourceChanged = { Type: 'Edited', Name: 'GetterSource', Old: 'a', New: 'b' };

const artifactEdited = {
  Type: 'Edited',
  ID: 'web',
  Fields: [],
  TaskGroups: [
    {
      Type: 'Edited',
      Name: 'web',
      Tasks: [
        {
          Type: 'Edited',
          Name: 'server',
          Objects: [{ Type: 'Edited', Name: 'Artifact', Fields: [sourceChanged] }],
        },
      ],
    },
  ],
};

describe('the counts of a job file', () => {
  const submission = { Source: 'job "web" {}', Format: 'hcl2', Variables: '', VariableFlags: { a: 'b' } };
  /** Deploys a file that says 3 where the last one said `last` and five run; returns the planned count. */
  async function countOf(last: number | null, flags: DeployFlags = {}) {
    const parse = (body: Readonly<Record<string, unknown>>) =>
      parsedJob({}, body.JobHCL === submission.Source ? last : 3);
    const nomad = await startFakeNomad(
      answers({ '/jobs/parse': parse, ...(last === null ? {} : { '/job/web/submission': submission }) }),
    );
    const { events } = await deploy(
      template,
      { plan: true, ...flags },
      { env: { NOMAD_ADDR: nomad.address } },
    );
    const body = nomad.bodies.get('/job/web/plan') as { Job: ReturnType<typeof parsedJob> };
    const notes = events.flatMap((event) => (event.kind === 'step' ? [event.message] : []));
    return { count: body.Job.TaskGroups[0]?.Count, note: notes.find((note) => note.startsWith('group')) };
  }

  it('stay what the cluster has while the file says what it said', async () => {
    expect(await countOf(3)).toEqual({
      count: 5,
      note: 'group "web": 5 in the cluster, 3 in the file, as before: the cluster\'s stays',
    });
  });

  it('are those of the file once it changed', async () => {
    expect(await countOf(2)).toEqual({
      count: 3,
      note: 'group "web": 5 in the cluster, 3 in the file, which changed: the file\'s is taken',
    });
  });

  it('stay where nobody knows what was submitted last', async () => {
    expect(await countOf(null)).toMatchObject({ count: 5, note: expect.stringContaining('is not known') });
  });

  it('are what is asked for', async () => {
    expect(await countOf(3, { count: '7' })).toEqual({ count: 7, note: undefined });
    expect(await countOf(3, { count: 'web=8' })).toMatchObject({ count: 8 });
    await expect(countOf(3, { count: 'db=8' })).rejects.toThrow('the job has no group db; it has web');
  });
});

describe('a plan', () => {
  const planOf = async (diff: unknown, flags: DeployFlags) => {
    const plan = { '/job/web/plan': { JobModifyIndex: 5, Diff: diff as never } };
    const nomad = await startFakeNomad(answers(plan));
    return deploy(template, { plan: true, ...flags }, { env: { NOMAD_ADDR: nomad.address } });
  };

  it('tells by its exit code whether anything would change, where it is asked to', async () => {
    const none = { Type: 'None', ID: 'web' };
    expect(await planOf(none, { exitCode: true })).toMatchObject({ exitCode: 0, json: { changes: false } });
    expect(await planOf(edited, { exitCode: true })).toMatchObject({ exitCode: 11, json: { changes: true } });
    expect(await planOf(edited, {})).toMatchObject({ exitCode: 0 });
  });

  it('has colours for a terminal', async () => {
    const { text, coloredText } = await planOf(edited, {});
    expect(text).toContain('    ~ Priority: "50" → "60"');
    expect(coloredText).toContain('    \u001b[33m~\u001b[39m Priority: "50" → "60"');
  });

  it('warns once of what clients would only find out', async () => {
    const [task] = parsedJob().TaskGroups[0]?.Tasks ?? [];
    const slow = { ...task, KillTimeout: 3_600_000_000_000 };
    const job = parsedJob({ TaskGroups: [{ Name: 'web', Count: 1, Tasks: [slow] }] });
    const nomad = await startFakeNomad(answers({ '/jobs/parse': job }));
    const { events } = await deploy(template, { plan: true }, { env: { NOMAD_ADDR: nomad.address } });
    const warnings = events.filter(({ kind }) => kind === 'warning');
    expect(warnings).toEqual([expect.objectContaining({ code: 'kill-timeout-capped' })]);
  });

  it('of a new version passes --only-artifact, and of nothing else', async () => {
    await planOf(artifactEdited, { onlyArtifact: true });
    await expect(planOf(edited, { onlyArtifact: true })).rejects.toMatchObject({
      code: 'plan-too-wide',
      message: 'cannot deploy web: more than the artifact would change: Priority',
    });
    await expect(planOf({ Type: 'Added', ID: 'web' }, { onlyArtifact: true })).rejects.toThrow('job (added)');
  });

  it('holds no secret as JSON either', async () => {
    const field = (Name: string, Old: string, New: string) => ({ Type: 'Edited', Name, Old, New });
    const secrets = [
      field('Env[DB_PASSWORD]', '', 'geheim'),
      field('Env[DB_URL]', 'pg://me:geheim@a', 'pg://b'),
    ];
    const task = { Type: 'Edited', Name: 'server', Fields: secrets };
    const groups = [{ Type: 'Edited', Name: 'web', Tasks: [task] }];
    const { json } = await planOf({ Type: 'Edited', ID: 'web', TaskGroups: groups }, {});
    const fields = [
      { name: 'Env[DB_PASSWORD]', before: '', after: '(not shown)' },
      { name: 'Env[DB_URL]', before: 'pg://me:…@a', after: 'pg://b' },
    ];
    expect(json).toMatchObject({ diff: { children: [{ children: [{ fields }] }] } });
  });
});
