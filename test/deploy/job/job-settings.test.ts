import { describe, expect, it } from 'vitest';
import type { JobFlags } from '../../../deploy/job/job-flags.ts';
import { parseJobSettings, readJobSettings } from '../../../deploy/job/parse-job-settings.ts';
import type { SettingsTree } from '../../../deploy/job/settings/tree.ts';
import { parseFlags, sampleArtifact } from '../sample.ts';

const parseTree = (tree: SettingsTree) => parseJobSettings({ tree }, sampleArtifact());

const problemsOf = (tree: SettingsTree) => readJobSettings({ tree }, sampleArtifact()).problems;

/** Returns the main group of flags, and its main task. */
function mainOf(flags: JobFlags) {
  const [group] = parseFlags(flags).groups;
  const task = group?.tasks[0];
  if (group === undefined || task === undefined) throw new Error('a job has a group, and a group a task');
  return { group, task };
}

describe('job settings', () => {
  it('are complete without any flag', () => {
    expect(parseFlags({})).toMatchObject({
      id: 'web',
      type: 'service',
      datacenters: ['*'],
      arch: 'x86_64',
      update: { maxParallel: 1, canary: 0, autoRevert: true },
      groups: [
        {
          name: 'web',
          count: null,
          network: null,
          services: [],
          tasks: [
            {
              name: 'web',
              fileName: 'web',
              killSignal: 'SIGTERM',
              resources: { cpu: 100, cores: null, memory: 300, memoryMax: null },
            },
          ],
        },
      ],
    });
  });

  it('report every problem at once, by flag', () => {
    const flags = {
      job: 'a b',
      count: '-1',
      memory: '512MB',
      port: ['http:70000'],
      env: ['=x', 'y'],
      secret: ['A-B=nomad/jobs/web:key', 'C=a b:key', 'D=x:'],
      datacenter: [''],
      killTimeout: '10',
      type: 'daemon',
      cron: ['now'],
      volume: ['data:here', 'logs'],
      arg: ['ok', `\${HOME}`],
    };
    expect(() => parseFlags(flags)).toThrow(
      expect.objectContaining({
        code: 'job-settings-invalid',
        exitCode: 2,
        hint: 'see saddlebag deploy --help',
      }),
    );
    expect(() => parseFlags(flags)).toThrow(
      [
        'cannot write the job of web:',
        '  --job: expected text without blanks, $ and % (at most 128), got "a b"',
        '  --type: expected service, batch, system or sysbatch, got "daemon"',
        '  --datacenter: expected a name, or a pattern with *, got ""',
        '  --cron: expected five fields of cron, or @daily and its like, got "now"',
        '  --port: expected a whole number from 1 to 65535, got "70000"',
        '  --volume: expected an absolute path, got "here"',
        '  --volume: expected an absolute path, got "logs"',
        '  --env: "y" has no value',
        '  --env: expected a name without =, got ""',
        '  --secret: expected letters, digits and _ as the name of a variable, got "A-B"',
        '  --secret: expected the path of a Nomad variable, like nomad/jobs/web, got "a b"',
        '  --secret: expected PATH:KEY of a Nomad variable, got "x:"',
        `  --arg 2: Nomad knows no \${HOME}: write $\${HOME} for the text itself`,
        '  --kill-timeout: expected a duration like 30s or 1h30m, got "10"',
        '  --memory: expected MiB as a whole number of at least 10, got "512MB"',
        '  --count: expected a whole number from 0 to 100000, got "-1"',
      ].join('\n'),
    );
  });

  it.each([
    [[true], [{ label: 'http', static: null }]],
    [['admin'], [{ label: 'admin', static: null }]],
    [['admin:8080'], [{ label: 'admin', static: 8080 }]],
    [['8080'], [{ label: 'http', static: 8080 }]],
    [
      ['http', 'metrics:9100'],
      [{ label: 'http' }, { label: 'metrics', static: 9100 }],
    ],
  ] as const)('read the ports %j', (port, expected) => {
    expect(mainOf({ port }).group.network?.ports).toMatchObject(expected);
  });

  it.each(['', ':80', 'a:', 'a:0', 'a:65536', 'a:80:81', 'a-b', 'a:8x'])('refuse the port "%s"', (port) => {
    expect(() => parseFlags({ port: [port] })).toThrow('--port: expected');
  });

  it.each([
    [{ checkPath: '/' }, '--check-path: it needs a port to ask'],
    [{ checkPath: 'x', port: ['http'] }, '--check-path: expected a path that begins with /'],
    [{ memory: '200', memoryMax: '100' }, '--memory-max: expected MiB as a whole number of at least 200'],
    [
      { minHealthyTime: '5m' },
      '--healthy-deadline: expected min_healthy_time < healthy_deadline < progress_deadline',
    ],
    [{ arch: 'aarch64' }, '--arch: the bundle is for x86_64, not for aarch64'],
    [{ env: ['A=\0'] }, '--env: expected text without NUL'],
    [{ task: 'a/b' }, '--task: expected letters, digits'],
    [{ autoPromote: true }, '--auto-promote: it promotes canaries, and there are none: give canary too'],
    [{ canary: 'one' }, '--canary: expected a whole number from 0 to 100000, got "one"'],
    [{ type: 'batch', canary: '1' }, '--canary: a batch job is not updated step by step'],
    [{ type: 'system', count: '2' }, '--count: a system job runs once on every node that it may'],
    [{ volume: ['data:/d:rw'] }, '--volume: expected true or false, got "rw"'],
  ] as const)('refuse %o', (flags, problem) => {
    expect(() => parseFlags(flags)).toThrow(problem);
  });

  it('keep a variable that is called __proto__, and values with = in them', () => {
    expect(Object.entries(mainOf({ env: ['__proto__=1', 'URL=a=b', 'EMPTY='] }).task.env)).toEqual([
      ['__proto__', '1'],
      ['URL', 'a=b'],
      ['EMPTY', ''],
    ]);
  });

  it('know PORT in an argument where there is a port', () => {
    const arg = [`--port=\${PORT}`];
    expect(mainOf({ arg, port: ['http'] }).task.args).toEqual(arg);
    expect(() => parseFlags({ arg })).toThrow('--arg 1: Nomad knows no');
  });

  it('make a group and a file name of any name', () => {
    const settings = parseFlags({ job: 'team/webü' }, sampleArtifact({ name: '../é' }));
    expect(settings).toMatchObject({
      id: 'team/webü',
      groups: [{ name: 'team-web-', tasks: [{ fileName: 'app' }] }],
    });
  });

  it('make a batch job of what runs at given times', () => {
    expect(parseFlags({ cron: ['@daily'] })).toMatchObject({ type: 'batch', update: null });
    expect(parseTree({ parameterized: {} })).toMatchObject({ type: 'batch' });
    expect(() => parseFlags({ cron: ['@daily'], type: 'service' })).toThrow('--cron: a service job runs');
  });

  it('find a secret in the variable of the job where no path is given', () => {
    expect(mainOf({ secret: ['URL=database-url', 'KEY=shared/keys:api'] }).task.secrets).toEqual({
      URL: { path: 'nomad/jobs/web', key: 'database-url' },
      KEY: { path: 'shared/keys', key: 'api' },
    });
  });
});

describe('settings as a tree', () => {
  it('take further tasks and groups, each with settings of its own', () => {
    const settings = parseTree({
      job: 'shop',
      env: { LOG: 'info', N: 1 },
      secret: { DATABASE_URL: 'url' },
      port: { http: { to: '8080' }, metrics: [{}] },
      network_mode: 'bridge',
      user: 'web',
      task: {
        migrate: { lifecycle: { hook: 'prestart' }, args: ['migrate'], env: { LOG: 'debug' } },
        proxy: { lifecycle: [{ hook: 'prestart', sidecar: true }], program: 'proxy', memory: 64 },
        bye: { lifecycle: { hook: 'poststop' } },
      },
      group: { worker: { count: 2, args: ['work'], cores: 2, constraint: { attribute: 'a', value: 'b' } } },
    });
    expect(settings.groups.map(({ name, tasks }) => [name, tasks.map((task) => task.name)])).toEqual([
      ['shop', ['migrate', 'proxy', 'shop', 'bye']],
      ['worker', ['worker']],
    ]);
    const [migrate, proxy, main] = settings.groups[0]?.tasks ?? [];
    expect(migrate).toMatchObject({
      lifecycle: { hook: 'prestart', sidecar: false },
      args: ['migrate'],
      env: { LOG: 'debug', N: '1' },
      secrets: { DATABASE_URL: { path: 'nomad/jobs/shop', key: 'url' } },
      user: 'web',
    });
    expect(proxy).toMatchObject({ fileName: 'proxy', resources: { memory: 64 } });
    expect(main).toMatchObject({ lifecycle: null, fileName: 'web', shutdownDelayMs: 3_000 });
    expect(settings.groups[1]).toMatchObject({
      count: 2,
      services: [],
      constraints: [{ attribute: 'a', operator: '=', value: 'b' }],
      tasks: [{ args: ['work'], env: {}, resources: { cpu: null, cores: 2 } }],
    });
  });

  it.each([
    ['no port', {}, 5_000],
    ['a port that opens', { port: { http: {} } }, 5_000],
    ['a path that answers', { port: { http: {} }, check_path: '/' }, 500],
    ['a group beside it that nobody asks', { port: { http: {} }, check_path: '/', group: { w: {} } }, 5_000],
    ['what is said', { port: { http: {} }, check_path: '/', update: { min_healthy_time: '2s' } }, 2_000],
  ])('wait as long after the first check as it leaves in doubt: %s', (_, tree, expected) => {
    expect(parseTree(tree).update).toMatchObject({ minHealthyTimeMs: expected });
  });

  it('name what nobody knows, and what was meant', () => {
    expect(
      problemsOf({ memry: 1, update: { canry: 1 }, colour: 'red', port: { http: { number: 1 } } }),
    ).toEqual([
      'port.http.number: there is no such setting',
      'update.canry: there is no such setting: canary?',
      'memry: there is no such setting: memory?',
      'colour: there is no such setting',
    ]);
  });

  it.each([
    [{ type: 'batch', periodic: { crons: ['0 3 * *'] } }, 'periodic.crons.0: expected five fields of cron'],
    [
      { type: 'batch', periodic: { crons: ['@daily'], time_zone: 'Mars' } },
      'periodic.time_zone: expected a name like',
    ],
    [{ type: 'batch', periodic: {} }, 'periodic.crons: expected when it runs'],
    [{ type: 'service', parameterized: {} }, 'parameterized: a service job runs all the time'],
    [
      { type: 'batch', parameterized: { meta_required: ['a'], meta_optional: ['a'] } },
      'parameterized.meta_optional: a: required as well',
    ],
    [{ dispatch_payload: { file: 'a' } }, 'dispatch_payload: only a parameterized job'],
    [{ type: 'system', spread: { attribute: 'a' } }, 'spread: a system job runs on every node'],
    [{ type: 'system', reschedule: {} }, 'reschedule: a system job has no other node to go to'],
    [{ reschedule: { attempts: 2, unlimited: true } }, 'reschedule.attempts: unlimited = true has none'],
    [{ reschedule: { attempts: 2, interval: '1s' } }, 'reschedule.interval: expected at least 15s'],
    [{ restart: { attempts: 10, delay: '1m' } }, 'restart.interval: 10 delays are longer than the interval'],
    [{ service: {} }, 'service.port: the group has no port: give port "http" {} too'],
    [{ port: { http: {} }, service: [{ port: 'x' }, {}] }, 'service.0.port: the group has no port "x": http'],
    [
      { port: { http: {} }, service: { check: { type: 'grpc' } } },
      'service.check.type: Nomad itself checks by http and tcp',
    ],
    [
      { port: { http: {} }, service: { check: { type: 'http' } } },
      'service.check.path: a check by HTTP needs one',
    ],
    [{ port: { http: { to: 1 } } }, 'port.http.to: only a network of its own maps ports'],
    [{ port: { http: {} }, check_path: '/', service: {} }, 'check_path: there are services'],
    [{ cpu: 1, cores: 1 }, 'cores: cpu is given too'],
    [
      { volume: { data: { type: 'csi', attachment_mode: 'file-system' } } },
      'volume.data.access_mode: a CSI volume needs it',
    ],
    [
      { volume_mount: { volume: 'x', destination: '/x' } },
      'volume_mount.volume: expected a volume of the group',
    ],
    [{ volume: { data: { destination: '/a/../b' } } }, 'volume.data.destination: expected an absolute path'],
    [
      { template: { data: 'x', destination: 'etc/passwd' } },
      'template.destination: /etc of a task is that of its client',
    ],
    [
      { template: { data: 'x', destination: '../x' } },
      'template.destination: it leads out of the task directory',
    ],
    [{ template: { data: 'x' } }, 'template.destination: a template needs it'],
    [
      { template: { data: 'x', destination: 'local/x', change_mode: 'signal' } },
      'template.change_signal: it belongs',
    ],
    [{ task: { web: {} } }, 'task.web: the main task is called so'],
    [{ group: { web: {} } }, 'group.web: the main group is called so'],
    [
      { task: { x: { lifecycle: { hook: 'later' } } } },
      'task.x.lifecycle.hook: expected prestart, poststart or poststop',
    ],
    [{ constraint: { value: 'x' } }, 'constraint.attribute: expected what to look at'],
    [{ constraint: [{ attribute: 'x' }] }, 'constraint.value: expected what to compare with'],
    [
      { spread: { attribute: 'a', target: { x: { percent: 60 }, y: { percent: 60 } } } },
      'spread.target: the percentages',
    ],
    [{ env: 'A=1' }, 'env: expected a map, got "A=1"'],
    [{ update: [{}, {}] }, 'update: expected one block update { … }'],
    [{ memory: [1] }, 'memory: expected MiB as a whole number'],
    [{ args: [{}] }, 'args: expected text as item 1'],
  ])('refuse %j', (tree, problem) => {
    const problems = problemsOf(tree);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(problem);
  });
});
