import type { SettingPath, SettingsTree } from './settings/tree.ts';

/** The settings of a job as flags give them; what is not given is absent. */
export interface JobFlags {
  readonly job?: string | undefined;
  readonly group?: string | undefined;
  readonly task?: string | undefined;
  readonly type?: string | undefined;
  readonly namespace?: string | undefined;
  readonly region?: string | undefined;
  readonly priority?: string | undefined;
  readonly datacenter?: readonly string[] | undefined;
  readonly nodePool?: string | undefined;
  readonly count?: string | undefined;
  readonly cpu?: string | undefined;
  readonly memory?: string | undefined;
  readonly memoryMax?: string | undefined;
  /** `NAME=VALUE` each. */
  readonly env?: readonly string[] | undefined;
  /** `NAME=PATH:KEY` each. */
  readonly secret?: readonly string[] | undefined;
  readonly arg?: readonly string[] | undefined;
  readonly program?: string | undefined;
  readonly user?: string | undefined;
  /** `LABEL[:NUMBER]` each; `true` for a port of any number that is called `http`. */
  readonly port?: readonly (string | true)[] | undefined;
  readonly checkPath?: string | undefined;
  /** `NAME:/PATH[:ro]` each. */
  readonly volume?: readonly string[] | undefined;
  readonly cron?: readonly string[] | undefined;
  readonly killSignal?: string | undefined;
  readonly killTimeout?: string | undefined;
  readonly maxParallel?: string | undefined;
  readonly canary?: string | undefined;
  readonly autoPromote?: boolean | undefined;
  readonly minHealthyTime?: string | undefined;
  readonly healthyDeadline?: string | undefined;
  readonly progressDeadline?: string | undefined;
  readonly autoRevert?: boolean | undefined;
  readonly arch?: string | undefined;
  /** `true` for `nomad/jobs/<job>`, which every task of the job may read. */
  readonly s3Variable?: string | true | undefined;
}

/**
 * Makes the tree of settings that flags stand for. What cannot be taken apart is left in the tree as it is, for the
 * reader to refuse.
 */
export function treeOfFlags(flags: JobFlags): SettingsTree {
  const update = dropAbsent({
    max_parallel: flags.maxParallel,
    canary: flags.canary,
    auto_promote: flags.autoPromote,
    min_healthy_time: flags.minHealthyTime,
    healthy_deadline: flags.healthyDeadline,
    progress_deadline: flags.progressDeadline,
    // `--no-auto-revert` alone says something: the flag is true where it is absent.
    auto_revert: flags.autoRevert === false ? false : undefined,
  });
  return dropAbsent({
    job: flags.job,
    group_name: flags.group,
    task_name: flags.task,
    type: flags.type,
    namespace: flags.namespace,
    region: flags.region,
    priority: flags.priority,
    datacenters: flags.datacenter,
    node_pool: flags.nodePool,
    count: flags.count,
    cpu: flags.cpu,
    memory: flags.memory,
    memory_max: flags.memoryMax,
    env: flags.env && assignments(flags.env),
    secret: flags.secret && assignments(flags.secret),
    args: flags.arg,
    program: flags.program,
    user: flags.user,
    port: flags.port && Object.fromEntries(flags.port.map(portOf)),
    check_path: flags.checkPath,
    volume: flags.volume && Object.fromEntries(flags.volume.map(volumeOf)),
    periodic: flags.cron && { crons: flags.cron },
    kill_signal: flags.killSignal,
    kill_timeout: flags.killTimeout,
    update: Object.keys(update).length === 0 ? undefined : update,
    arch: flags.arch,
    s3_variable: flags.s3Variable,
  });
}

/** Keys of the tree whose flags are called otherwise. */
const flagNames: Readonly<Record<string, string>> = {
  args: '--arg',
  datacenters: '--datacenter',
  group_name: '--group',
  periodic: '--cron',
  task_name: '--task',
  'update.auto_revert': '--no-auto-revert',
};

/** Names the flag that a setting of `treeOfFlags` comes from. */
export function flagOfSetting(path: SettingPath): string {
  const [top = '', key] = path;
  const dotted = path.slice(0, 2).join('.');
  const named = flagNames[dotted] ?? flagNames[top];
  if (named !== undefined) return top === 'args' ? `${named} ${Number(key) + 1}` : named;
  const word = top === 'update' && key !== undefined ? key : top;
  return `--${word.replaceAll('_', '-')}`;
}

function dropAbsent(fields: Readonly<Record<string, unknown>>): SettingsTree {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** A name without a value has null, which the reader refuses. */
function assignments(pairs: readonly string[]): SettingsTree {
  const entries = pairs.map((pair) => {
    const at = pair.indexOf('=');
    return at < 0 ? ([pair, null] as const) : ([pair.slice(0, at), pair.slice(at + 1)] as const);
  });
  // fromEntries, not assignment: a variable may be called __proto__.
  return Object.fromEntries(entries);
}

function portOf(text: string | true): readonly [label: string, port: SettingsTree] {
  if (text === true) return ['http', {}];
  const named = /^\d+$/.test(text) ? `http:${text}` : text;
  const [label = '', ...number] = named.split(':');
  return [label, number.length === 0 ? {} : { static: number.join(':') }];
}

function volumeOf(text: string): readonly [name: string, volume: SettingsTree] {
  const [name = '', destination, mode] = text.split(':');
  const readOnly = mode === undefined ? {} : { read_only: mode === 'ro' ? true : mode };
  return [name, { destination: destination ?? text, ...readOnly }];
}
