import { describe, expect, it } from 'vitest';
import { isOlder } from '../../../deploy/job/job-check/version.ts';
import { checkJob, refuseUnfit, reportWarnings } from '../../../deploy/job/job-check.ts';
import { renderJobSpec } from '../../../deploy/job/jobspec.ts';
import { parseJobSettings } from '../../../deploy/job/parse-job-settings.ts';
import { testContext } from '../../helpers/context.ts';
import { sampleArtifact, sampleJobSpec } from '../sample.ts';
import { randomSettings } from './random-settings.ts';

const nowMs = Date.UTC(2026, 3, 1);
const checksum = `sha256:${'ab'.repeat(32)}`;

/** Checks a job of one exec task with these fields; the version of the server is that of the day, unless given. */
function check(
  task: object,
  options: {
    readonly version?: string | null;
    readonly clients?: readonly string[];
    readonly job?: object;
  } = {},
) {
  const { version = '2.0.5', clients = [], job = {} } = options;
  const whole = {
    Driver: 'exec',
    Name: 'web',
    Config: { command: 'local/web' },
    ...task,
  };
  const all = { ID: 'web', Type: 'service', TaskGroups: [{ Name: 'web', Tasks: [whole] }], ...job };
  return checkJob(all, { serverVersion: version, clientVersions: clients, nowMs }).map(
    ({ kind, place, problem }) => `${kind} ${place}: ${problem}`,
  );
}

const artifact = (source: string, options: object = { checksum }) => ({
  Artifacts: [{ GetterSource: source, GetterOptions: options, RelativeDest: 'local/web' }],
});

describe('the check of a job', () => {
  it('finds nothing in jobs of our own', () => {
    const facts = { serverVersion: '2.0.5', clientVersions: [], nowMs };
    expect(checkJob(sampleJobSpec({ port: ['http'] }).job, facts)).toEqual([]);
    for (let seed = 0; seed < 50; seed++) {
      const bundle = sampleArtifact();
      const settings = parseJobSettings({ tree: randomSettings(seed) }, bundle);
      expect(checkJob(renderJobSpec(bundle, settings).job, facts), `seed ${seed}`).toEqual([]);
    }
  });

  it.each([[null], [7], [{}], [{ TaskGroups: [null, { Tasks: ['x'] }] }]])('lets %j be', (job) => {
    expect(checkJob(job, { serverVersion: '2.0.5', clientVersions: [], nowMs })).toEqual([]);
  });

  it.each([
    [
      { Config: { command: 'a', image: 'x' } },
      'error task "web": config.image: the exec driver has no such key',
    ],
    [{ Config: {} }, 'error task "web": config.command: it is missing'],
    [{ Config: { command: 'a', work_dir: 'data' } }, 'error task "web": config.work_dir: it is not absolute'],
    [
      { Config: { command: 'a', args: ['x', `\${HOME}/x`] } },
      `error task "web": config.args[1]: Nomad knows no \${HOME}: write $\${HOME} for the text itself`,
    ],
    [{ Config: { command: `\${DIR}/a` } }, `error task "web": config.command: Nomad knows no \${DIR}`],
    [
      { Config: { command: 'a', args: ['%{if true}'] } },
      'error task "web": config.args[0]: Nomad evaluates %{…}: write %%{ for the text itself',
    ],
    [
      {
        Artifacts: [
          { GetterSource: 'https://h/a', GetterOptions: { checksum }, RelativeDest: 'usr/bin/app' },
        ],
      },
      'error task "web": artifact.destination: usr/bin/app: /usr of a task is that of its client',
    ],
    [
      { Templates: [{ DestPath: '/etc/app.conf' }] },
      'error task "web": template.destination: /etc/app.conf: /etc of a task is that of its client',
    ],
    [
      { Config: { command: `\${NOMAD_SECRETS_DIR}/app` } },
      'error task "web": config.command: a client runs nothing in',
    ],
    [
      { KillTimeout: 45e9 },
      'warning task "web": kill_timeout: a client ends it after 30s, unless its operator allows 45s',
    ],
    [{ User: 'root' }, 'warning task "web": user: clients refuse root to the exec driver'],
    [artifact('https://h/a', {}), 'warning task "web": artifact: https://h/a has no checksum'],
    [
      artifact('https://h/a?X-Amz-Signature=s&X-Amz-Date=20260330T000000Z&X-Amz-Expires=604800'),
      'warning task "web": artifact: the link to https://h/a expires at 2026-04-06T00:00:00Z',
    ],
    [
      artifact('https://h/a?X-Amz-Signature=s&X-Amz-Date=20260330T000000Z&X-Amz-Expires=3600'),
      'error task "web": artifact: the link to https://h/a expired at 2026-03-30T01:00:00Z',
    ],
    [
      artifact(`https://h/a?Signature=s&Expires=${Date.UTC(2026, 3, 2) / 1000}`),
      'warning task "web": artifact: the link to https://h/a expires at 2026-04-02T00:00:00Z',
    ],
  ])('of %j says what a client would', (task, finding) => {
    const findings = check(task);
    expect(findings).toHaveLength(1);
    expect(findings[0]).toContain(finding);
  });

  it.each([
    [{ Config: { command: `\${NOMAD_TASK_DIR}/a`, args: [`\${PORT}`, `$\${X}`] }, Env: { PORT: '1' } }],
    [
      {
        Config: { command: 'a', args: [`\${URL}`] },
        Templates: [{ DestPath: 'secrets/env', Envvars: true }],
      },
    ],
    [{ Config: { command: 'a', cap_drop: ['all'], pid_mode: 'private' } }],
    [{ Driver: 'docker', Config: { image: 'x' }, Templates: [{ DestPath: 'etc/x' }] }],
    [artifact(`https://h/a?checksum=${checksum}`, {})],
    [artifact('https://h/a?Expires=soon')],
  ])('lets %j pass', (task) => {
    expect(check(task)).toEqual([]);
  });

  it('does not mind a link that expires where the task ends before', () => {
    const task = artifact('https://h/a?X-Amz-Signature=s&X-Amz-Date=20260330T000000Z&X-Amz-Expires=604800');
    expect(check(task, { job: { Type: 'batch' } })).toHaveLength(0);
  });

  it.each([
    [
      '1.10.5',
      { Secrets: [{ Name: 's3' }] },
      'task "web": secret: Nomad has it from 1.11.0 on, the server is 1.10.5',
    ],
    [
      '1.9.1',
      { Config: { command: 'a', work_dir: '/a' } },
      'task "web": config.work_dir: Nomad has it from 1.9.2 on',
    ],
    ['1.8.17', { Resources: { SecretsMB: 5 } }, 'task "web": resources.secrets: Nomad has it from 1.9.0 on'],
    [
      '1.11.1',
      artifact('s3::http://minio:9000/b/a', { checksum, aws_access_key_id: 'x' }),
      'warning task "web": artifact: clients of Nomad 1.11.1 ask minio:9000 by https, although the source says http',
    ],
    [
      '1.10.5',
      artifact('s3::https://minio:9000/b/a'),
      'error task "web": artifact: clients of Nomad 1.10.5 use credentials of their own with AWS only',
    ],
  ])('of a server %s says what it is too old for', (version, task, finding) => {
    expect(check(task, { version })).toEqual([expect.stringContaining(finding)]);
    expect(check(task, { version: '2.0.5' })).toEqual([]);
    expect(check(task, { version: null })).toEqual([]);
  });

  it.each([
    ['1.5.0', { NodePool: 'gpu' }, 'error job: node_pool: Nomad has it from 1.6.0 on'],
    [
      '1.6.1',
      { Type: 'batch', Periodic: { Specs: ['@daily'] } },
      'error job: periodic.crons: Nomad has it from 1.6.2',
    ],
    [
      '1.10.0',
      { Type: 'system', Update: { AutoRevert: true } },
      'warning job: update: a system job has a deployment',
    ],
    [
      '1.7.0',
      { TaskGroups: [{ Name: 'g', Disconnect: { LostAfter: 1 } }] },
      'error group "g": disconnect: Nomad has it',
    ],
    [
      '1.9.0',
      { TaskGroups: [{ Name: 'g', Volumes: { v: { Sticky: true } } }] },
      'error group "g": volume.sticky: Nomad',
    ],
  ])('of a server %s says the same of %j', (version, job, finding) => {
    expect(check({}, { version, job })).toEqual([expect.stringContaining(finding)]);
    expect(check({}, { version: '2.0.5', job })).toEqual([]);
  });

  it.each([
    ['the server alone, where clients are not known', '1.11.0', [], 'Nomad 1.11.0 ask'],
    [
      'old clients of a newer server',
      '2.0.5',
      ['1.10.5', '1.11.0', '1.11.1+ent', '2.0.5'],
      'Nomad 1.11.0 and 1.11.1+ent ask',
    ],
    ['clients of a server that does not say', null, ['1.11.1'], 'Nomad 1.11.1 ask'],
    ['newer clients', '1.11.0', ['1.11.2', '2.0.5'], null],
    ['nobody', null, [], null],
  ])('goes by %s where a bucket is fetched by plain http', (_, version, clients, said) => {
    const keys = { checksum, aws_access_key_id: 'x' };
    const found = (source: string) => check(artifact(source, keys), { version, clients });
    const problem = `${said} minio:9000 by https, although the source says http`;
    expect(found('s3::http://minio:9000/b/a')).toEqual(
      said === null ? [] : [`warning task "web": artifact: clients of ${problem}`],
    );
    expect(found('s3::https://minio:9000/b/a')).toEqual([]);
  });

  it('only warns of a key that a newer Nomad may know', () => {
    const task = { Config: { command: 'a', image: 'x' } };
    expect(check(task, { version: '2.1.0-rc.1' })).toEqual([
      'warning task "web": config.image: the exec driver has no such key up to Nomad 2.0',
    ]);
    expect(check(task, { version: null })).toEqual([expect.stringContaining('error')]);
  });

  it('does not mind AWS, where old clients have credentials of their own', () => {
    expect(check(artifact('s3::https://b.s3.eu-west-1.amazonaws.com/a'), { version: '1.10.5' })).toEqual([]);
  });
});

describe('findings', () => {
  const errors = checkJob(
    { TaskGroups: [{ Tasks: [{ Name: 'a', Driver: 'exec', User: 'root', Config: { comand: 'x' } }] }] },
    { serverVersion: null, clientVersions: [], nowMs },
  );

  it('that are errors refuse the job, all at once, each with what to do', () => {
    expect(() => refuseUnfit('web', errors)).toThrow(
      expect.objectContaining({
        code: 'job-unfit',
        exitCode: 2,
        message:
          'cannot submit job web:\n' +
          '  task "a": config.comand: the exec driver has no such key; it knows command, args, pid_mode, ipc_mode, cap_add, cap_drop, work_dir\n' +
          '  task "a": config.command: it is missing; say what runs: local/APP',
      }),
    );
  });

  it('that are warnings are reported', () => {
    const context = testContext({});
    reportWarnings(errors, context);
    expect(context.events).toEqual([
      expect.objectContaining({
        kind: 'warning',
        code: 'user-disallowed',
        hint: expect.stringContaining('nobody'),
      }),
    ]);
  });
});

describe('a version of Nomad', () => {
  it.each([
    ['1.10.5', '1.11.0', true],
    ['1.11.0-beta.1', '1.11.0', false],
    ['2.0.5+ent', '1.11.2', false],
    ['1.9.10', '1.9.2', false],
    ['v1.9.1', '1.9.2', true],
  ])('%s is older than %s: %s', (version, wanted, expected) => {
    expect(isOlder(version, wanted)).toBe(expected);
  });
});
