import type { SettingsTree } from '../../../deploy/job/settings/tree.ts';
import { type Random, randomFrom } from '../../helpers/random.ts';

/** What HCL, Nomad's parser or its clients may read otherwise than as text, and what they may not. */
const references = [`\${NOMAD_PORT_http}`, `\${attr.cpu.arch}`, `\${env["X"]}`, `\${FOO}`, `\${NOMAD_X}}`];
const signs = [
  'a',
  ' ',
  '$',
  `\${`,
  `$\${`,
  '$$',
  '%{',
  '%',
  '}',
  '"',
  '\\',
  '=',
  '#',
  '//',
  '<<EOH',
  'é',
  '🚕',
];
const pieces = [...references, ...signs, '\n', '\t', '\r', '\u0001', '\u2028', '\nEOH\n'];

type Makers = Readonly<Record<string, () => unknown>>;

/** Makes settings that are right, with some of all that a job may hold. */
export function randomSettings(seed: number): SettingsTree {
  const random = randomFrom(seed);
  const type = random.pick(['service', 'service', 'batch', 'system', 'sysbatch']);
  return {
    type,
    ...some(random, {
      job: () => random.pick(['web', 'team/web', 'Web_1', 'a+b:c']),
      priority: () => 1 + random.below(99),
      datacenters: () => ['dc1', 'eu-*'],
      node_pool: () => 'all',
      region: () => 'global',
      namespace: () => 'default',
      ...schedules(random, type),
    }),
    ...group(random, type),
    group: byName(random, 'more', () => group(random, type)),
  };
}

/** Makes some of the settings. */
function some(random: Random, makers: Makers): SettingsTree {
  const chosen = Object.entries(makers).filter(() => random.once(2));
  return Object.fromEntries(chosen.map(([key, make]) => [key, make()]));
}

function byName(random: Random, name: string, make: () => SettingsTree): SettingsTree {
  return Object.fromEntries(random.several(2, (index) => [`${name}-${index}`, make()]));
}

function schedules(random: Random, type: string): Makers {
  if (type === 'service' || type === 'system') return { update: () => update(random) };
  const parameterized = () => ({
    payload: random.pick(['optional', 'forbidden']),
    ...some(random, { meta_required: () => ['a'], meta_optional: () => ['b', 'c.d'] }),
  });
  return { parameterized, ...(type === 'batch' ? { periodic: () => periodic(random) } : {}) };
}

function update(random: Random): SettingsTree {
  return {
    ...some(random, { max_parallel: () => 2, min_healthy_time: () => '2s', auto_revert: () => false }),
    ...random.pick([{}, { canary: 1 }, { canary: 2, auto_promote: true }]),
  };
}

function periodic(random: Random): SettingsTree {
  return {
    crons: random.pick([['@daily'], ['0 3 * * *', '*/5 1-4 * * mon']]),
    ...some(random, { time_zone: () => 'Europe/Berlin', prohibit_overlap: () => true }),
  };
}

function group(random: Random, type: string): SettingsTree {
  return {
    ...some(random, {
      ...(type === 'service' || type === 'batch' ? placement(random) : {}),
      constraint: () =>
        random.pick([
          { attribute: `\${attr.nomad.version}`, operator: 'semver', value: '>= 1.6' },
          [{ operator: 'distinct_hosts' }, { attribute: `\${meta.x}`, operator: 'is_set' }],
        ]),
      restart: () => ({
        attempts: 1 + random.below(4),
        interval: '10m',
        mode: random.pick(['fail', 'delay']),
      }),
      ephemeral_disk: () => ({ size: 150, sticky: true, migrate: random.once(2) }),
      task: () => byName(random, 'side', () => ({ lifecycle: lifecycle(random), ...task(random) })),
    }),
    // Services name ports, and mounts volumes: each comes with the other.
    ...(random.once(2) ? network(random) : {}),
    ...(random.once(2) ? storage : {}),
    ...task(random),
  };
}

function lifecycle(random: Random): SettingsTree {
  return { hook: random.pick(['prestart', 'poststart']), sidecar: random.once(2) };
}

function placement(random: Random): Makers {
  return {
    count: () => random.below(5),
    affinity: () => [
      {
        attribute: `\${node.datacenter}`,
        operator: 'regexp',
        value: '^a',
        weight: random.pick([-100, 1, 50]),
      },
    ],
    spread: () => ({
      attribute: `\${node.unique.id}`,
      weight: 1 + random.below(100),
      target: { 'a b': { percent: 60 }, c: { percent: 40 } },
    }),
    reschedule: () =>
      random.pick([
        { attempts: 2, interval: '1h', delay: '10s' },
        { unlimited: true, delay_function: 'fibonacci', max_delay: '2h' },
        { attempts: 0 },
      ]),
  };
}

function network(random: Random): SettingsTree {
  const provider = random.pick(['nomad', 'consul']);
  const services = [service(random, provider, 'first'), service(random, provider, 'second')];
  return {
    network_mode: 'bridge',
    port: { http: random.pick([{}, { static: 8080 }, { to: 80 }]), metrics: { to: 9100, static: 9100 } },
    ...random.pick([{}, { check_path: '/up' }, { service: services }, { service: services.slice(1) }]),
  };
}

function service(random: Random, provider: string, name: string): SettingsTree {
  const check = random.pick([
    { path: '/up', method: 'HEAD', interval: '10s' },
    { type: 'tcp', port: 'metrics', check_restart: { limit: 0 } },
    ...(provider === 'consul' ? [{ type: 'grpc', grpc_service: 'health' }] : []),
  ]);
  return { name, port: random.pick(['http', 'metrics']), provider, tags: random.several(2, String), check };
}

const storage: SettingsTree = {
  volume: {
    data: { destination: '/data', source: 'd-1', read_only: true },
    csi: {
      type: 'csi',
      access_mode: 'multi-node-multi-writer',
      attachment_mode: 'file-system',
      mount_options: { fs_type: 'ext4', mount_flags: ['noatime', 'ro'] },
    },
  },
  volume_mount: { volume: 'csi', destination: '/csi' },
};

function task(random: Random): SettingsTree {
  return some(random, {
    // A client evaluates arguments, so that what it would not know is refused.
    args: () => random.several(4, () => text(random).replaceAll(/[$%]+\{/g, '(')),
    env: () =>
      Object.fromEntries(
        random.several(6, (index) => [random.pick([`K${index}`, 'a-b c', 'for', 'ü']), text(random)]),
      ),
    secret: () => ({
      DATABASE_URL: 'nomad/jobs/web:url',
      API: 'shared/api:a-key',
      OTHER: 'nomad/jobs/web:x',
    }),
    template: () => random.several(2, (index) => template(random, index)),
    user: () => 'web',
    work_dir: () => '/local',
    program: () => 'tool',
    kill_signal: () => 'SIGINT',
    kill_timeout: () => '2s3ms',
    shutdown_delay: () => '7s',
    logs: () => random.pick([{ disabled: true }, { max_files: 3, max_file_size: 1 }]),
    ...(random.once(2) ? { cores: () => 2 } : { cpu: () => 250 }),
    memory: () => 64 + random.below(1_000),
    memory_max: () => 5_000,
  });
}

function template(random: Random, index: number): SettingsTree {
  return {
    data: `x${text(random)}${random.pick(['', '\n'])}`,
    destination: `local/a ${index}.txt`,
    ...random.pick([
      { env: true },
      { change_mode: 'noop' },
      { change_mode: 'signal', change_signal: 'SIGHUP' },
    ]),
    ...some(random, { perms: () => '0600' }),
  };
}

function text(random: Random): string {
  return Array.from({ length: random.below(5) }, () => random.pick(pieces)).join('');
}
