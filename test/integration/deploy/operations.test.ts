import { createServer } from 'node:http';
import { describe, expect, it } from 'vitest';
import { tagName } from '../../../deploy/running/job-history.ts';
import { runHistory } from '../../../src/commands/history.ts';
import { runLogs } from '../../../src/commands/logs.ts';
import { runRollback } from '../../../src/commands/rollback.ts';
import { runStatus } from '../../../src/commands/status.ts';
import { runStop } from '../../../src/commands/stop.ts';
import { runWatch } from '../../../src/commands/watch.ts';
import { sampleSha256 } from '../../deploy/sample.ts';
import { testContext } from '../../helpers/context.ts';
import { runningAllocation } from '../../helpers/nomad-answers.ts';
import { serveInTest } from '../../helpers/test-server.ts';

/** A job as the API tells of it, with what its only task downloads. */
const job = (version: number, digest: string, changes: object = {}) => ({
  ID: 'web',
  Type: 'service',
  Version: version,
  JobModifyIndex: 10 + version,
  Stop: false,
  Stable: true,
  SubmitTime: version * 1e9,
  TaskGroups: [
    {
      Name: 'g',
      Count: 1,
      Tasks: [
        {
          Name: 't',
          Artifacts: [
            {
              GetterSource: `https://apps/web/${digest}/web`,
              GetterOptions: { checksum: `sha256:${digest}` },
            },
          ],
        },
      ],
    },
  ],
  ...changes,
});

const first = sampleSha256;
const second = 'cd'.repeat(32);

/** Starts an agent that answers from a table of `METHOD /path`; what it lacks is 404. Returns what it was asked, too. */
async function agent(answers: Readonly<Record<string, unknown>>) {
  const asked: string[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const call = `${request.method} ${(request.url ?? '').replace('/v1', '').replace(/\?.*/, '')}`;
    asked.push(body === '' ? call : `${call} ${body}`);
    const answer = answers[call];
    response.setHeader('x-nomad-index', '5');
    if (answer === undefined) response.writeHead(404).end('not found');
    else response.end(typeof answer === 'string' ? answer : JSON.stringify(answer));
  });
  const NOMAD_ADDR = `http://127.0.0.1:${await serveInTest(server)}`;
  return { asked, context: testContext({ env: { NOMAD_ADDR } }) };
}

describe('saddlebag rollback', () => {
  const versions = [job(3, second), job(2, first, { Stable: false }), job(1, first), job(0, second)];
  const answers = {
    'GET /job/web/versions': { Versions: versions },
    'GET /job/web': job(4, first),
    'POST /job/web/revert': { EvalID: 'e1' },
  };
  const flags = { detach: true };

  it('goes back to the last healthy version that is not the same', async () => {
    const { asked, context } = await agent(answers);
    const { json } = await runRollback({ job: 'web', version: undefined, flags, confirm: null }, context);
    expect(json).toMatchObject({ status: 'submitted', jobVersion: 4, evalId: 'e1' });
    expect(asked).toContain('POST /job/web/revert {"JobID":"web","JobVersion":1,"EnforcePriorVersion":3}');
  });

  it('goes back from a variable to the same bundle without it, but not over a count', async () => {
    const withEnv = (version: number) => job(version, first, { Meta: { LOG: 'debug' } });
    const scaled = withEnv(2);
    scaled.TaskGroups[0] = { ...scaled.TaskGroups[0], Count: 5 } as (typeof scaled.TaskGroups)[0];
    const { asked, context } = await agent({
      ...answers,
      'GET /job/web/versions': { Versions: [withEnv(3), scaled, job(1, first)] },
    });
    await runRollback({ job: 'web', version: undefined, flags, confirm: null }, context);
    expect(asked).toContain('POST /job/web/revert {"JobID":"web","JobVersion":1,"EnforcePriorVersion":3}');
  });

  it.each([
    [3, 'cannot roll back web: version 3 is the current one'],
    [9, 'cannot roll back web: Nomad has no version 9 of it, but 0, 1, 2, 3'],
  ])('refuses version %i', async (version, message) => {
    const { asked, context } = await agent(answers);
    await expect(runRollback({ job: 'web', version, flags, confirm: null }, context)).rejects.toMatchObject({
      code: 'version-unknown',
      exitCode: 2,
      message,
    });
    expect(asked.filter((call) => call.startsWith('POST'))).toEqual([]);
  });

  it('stops nothing for a version whose bundle is gone', async () => {
    const store = createServer((_, response) => response.writeHead(404).end());
    const url = `http://127.0.0.1:${await serveInTest(store)}/web/${first}/web`;
    const gone = job(0, first);
    const artifact = { GetterSource: url, GetterOptions: { checksum: `sha256:${first}` } };
    const TaskGroups = gone.TaskGroups.map((group) => ({
      ...group,
      Tasks: group.Tasks.map((task) => ({ ...task, Artifacts: [artifact] })),
    }));
    const { asked, context } = await agent({
      ...answers,
      'GET /job/web/versions': { Versions: [job(1, second), { ...gone, TaskGroups }] },
    });
    await expect(
      runRollback({ job: 'web', version: undefined, flags, confirm: null }, context),
    ).rejects.toMatchObject({
      code: 'version-gone',
      message: `cannot roll back web: what version 0 ran is gone: ${url}`,
      hint: expect.stringContaining('nothing was changed'),
    });
    expect(asked.filter((call) => call.startsWith('POST'))).toEqual([]);
  });

  it('asks by the proxy of the environment whether a bundle is gone', async () => {
    const proxy = createServer((_, response) => response.writeHead(404).end());
    // What it connects to is itself.
    proxy.on('connect', (_, socket) => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      proxy.emit('connection', socket);
    });
    const HTTP_PROXY = `http://127.0.0.1:${await serveInTest(proxy)}`;
    const old = JSON.parse(JSON.stringify(job(0, first)).replace('https://apps/', 'http://apps.invalid/'));
    const { asked, context } = await agent({
      ...answers,
      'GET /job/web/versions': { Versions: [job(1, second), old] },
    });
    const behind = { ...context, env: { ...context.env, HTTP_PROXY } };
    await expect(
      runRollback({ job: 'web', version: undefined, flags, confirm: null }, behind),
    ).rejects.toMatchObject({ code: 'version-gone' });
    expect(asked.filter((call) => call.startsWith('POST'))).toEqual([]);
  });

  it('says that there is nothing to go back to', async () => {
    const { context } = await agent({
      'GET /job/web/versions': { Versions: [{ ...job(1, first), SubmitTime: 7 }, job(0, first)] },
    });
    await expect(
      runRollback({ job: 'web', version: undefined, flags, confirm: null }, context),
    ).rejects.toMatchObject({
      message: 'cannot roll back web: no version before 1 was healthy and differs in more than counts',
    });
  });
});

describe('saddlebag logs', () => {
  const state = { 'GET /job/web': job(0, first) };
  it.each([
    ['has no allocations', {}, {}, 'it has no allocation'],
    [
      'has none of that id',
      { 'GET /job/web/allocations': [runningAllocation] },
      { alloc: 'ff' },
      'it has no allocation whose id begins with ff',
    ],
    [
      'was collected by its client',
      { 'GET /job/web/allocations': [runningAllocation] },
      {},
      'allocation 01234567 has no stdout of task t: it has not started, or was collected',
    ],
  ])('says that a job %s', async (_, answers, flags, reason) => {
    const { context } = await agent({ ...state, ...answers });
    for (const follow of [false, true]) {
      const input = { job: 'web', flags: { ...flags, follow }, write: () => undefined };
      await expect(runLogs(input, context)).rejects.toMatchObject({
        code: 'log-missing',
        message: `cannot read the log of web: ${reason}`,
      });
    }
  });

  it('shows a line without an end as it comes', async () => {
    const answers = {
      'GET /job/web/allocations': [runningAllocation],
      'GET /client/fs/logs/0123456789': 'x'.repeat(1 << 22),
    };
    const { context } = await agent({ ...state, ...answers });
    const written: string[] = [];
    await runLogs({ job: 'web', flags: { follow: true }, write: (text) => written.push(text) }, context);
    expect(/^(x*)\n$/.exec(written.join(''))?.[1]?.length).toBe(1 << 22);
    expect(Math.max(...written.map(({ length }) => length))).toBeLessThan(1 << 20);
  });

  it('says where else to look when one of the streams is empty', async () => {
    const { context } = await agent({
      ...state,
      'GET /job/web/allocations': [runningAllocation],
      'GET /client/fs/logs/0123456789': '',
    });
    const written: string[] = [];
    for (const stderr of [false, true]) {
      await runLogs({ job: 'web', flags: { stderr }, write: (text) => written.push(text) }, context);
    }
    expect(written).toEqual([]);
    expect(context.events).toMatchObject([
      { message: 'stdout of task t in allocation 01234567 is empty: --stderr shows what it writes there' },
      { message: expect.stringMatching(/^stderr of task t .* is empty: stdout is /) },
    ]);
  });
});

describe('saddlebag status', () => {
  const listed = (id: string) => ({ ID: id, Type: 'service', Status: 'running', Stop: false, SubmitTime: 0 });
  const jobs = {
    'GET /jobs': [listed('web'), listed('other'), listed('web/periodic-1'), listed('gone')],
    'GET /job/web': job(3, first),
    'GET /job/other': { ...job(0, first), ID: 'other', TaskGroups: [] },
  };

  it('lists the jobs that run what was published', async () => {
    const { context } = await agent(jobs);
    expect((await runStatus({ job: undefined, flags: {} }, context)).text).toBe(
      'web  service  running  version 3  1970-01-01T00:00:03Z',
    );
    const { json } = await runStatus({ job: undefined, flags: { all: true } }, context);
    expect(json).toMatchObject({ version: 1, jobs: [{ jobId: 'other' }, { jobId: 'web' }] });
  });
});

describe('saddlebag history', () => {
  it('says where a version was deployed from files that had changed', async () => {
    const description = `by alice, revision ${'0123456789abcdef'.repeat(3).slice(0, 40)}-dirty`;
    const tagged = job(0, first, { VersionTag: { Name: tagName(0), Description: description } });
    const { context } = await agent({ 'GET /job/web/versions': { Versions: [tagged] } });
    const { text } = await runHistory({ job: 'web', flags: {} }, context);
    expect(text).toContain('by alice, revision 0123456789ab-dirty\n');
  });
});

describe('saddlebag watch', () => {
  it('leaves a job of several regions to Nomad', async () => {
    const { context } = await agent({ 'GET /job/web': job(0, first, { Multiregion: { Regions: [] } }) });
    await expect(runWatch({ job: 'web', flags: {}, confirm: null }, context)).rejects.toMatchObject({
      code: 'job-multiregion',
      exitCode: 2,
    });
  });
});

describe('saddlebag stop', () => {
  it('leaves a job alone that is stopped', async () => {
    const { asked, context } = await agent({ 'GET /job/web': job(0, first, { Stop: true }) });
    const { json } = await runStop({ job: 'web', flags: {} }, context);
    expect(json).toMatchObject({ status: 'unchanged', isPurged: false });
    expect(asked).toEqual(['GET /job/web']);
  });

  it('knows no job that is not there', async () => {
    const { context } = await agent({});
    await expect(runStop({ job: 'web', flags: {} }, context)).rejects.toMatchObject({
      code: 'job-unknown',
      message: 'cannot stop web: no such job in namespace default',
    });
  });
});
