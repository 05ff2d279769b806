import type {
  CheckRestartSettings,
  CheckSettings,
  NetworkSettings,
  PortSettings,
  ServiceSettings,
} from '../job-settings.ts';
import { plainServiceName, portLabelForm, serviceNameForm, urlPathForm } from './forms.ts';
import type { SettingsReader } from './reader.ts';

const portRange = { min: 1, max: 65_535 };

/**
 * Reads `network_mode` and the `port` blocks of a group; null where there is neither. `listens` is the port that the app
 * listens on whatever it is told: the first port is then that one.
 */
export function readNetwork(body: SettingsReader, listens: number | null): NetworkSettings | null {
  const mode = body.text('network_mode', {
    pattern: /^(?:host|bridge|none|cni\/[0-9A-Za-z._-]+)$/,
    expected: 'host, bridge, none or cni/NAME',
  });
  const [first, ...others] = body.labelled('port').map(([label, block]) => readPort(label, block, mode));
  const ports = first === undefined ? [] : [listens === null ? first : at(first, listens, mode), ...others];
  return mode === null && ports.length === 0 ? null : { mode, ports };
}

function at(port: PortSettings, number: number, mode: string | null): PortSettings {
  if (port.static !== null || port.to !== null) return port;
  return mode === null || mode === 'host' ? { ...port, static: number } : { ...port, to: number };
}

function readPort(label: string, block: SettingsReader, mode: string | null): PortSettings {
  block.checkText([], label, portLabelForm);
  const port = {
    label,
    static: block.number('static', portRange),
    to: block.number('to', portRange),
    hostNetwork: block.text('host_network'),
  };
  if (port.to !== null && (mode === null || mode === 'host' || mode === 'none')) {
    block.problem('to', 'only a network of its own maps ports: give network_mode = "bridge", or static');
  }
  block.end();
  return port;
}

/**
 * Reads the `service` blocks of a group. Where there are ports and no such block, the first port is the service, with a
 * check: by HTTP where `check_path` says what to ask, else that the port opens.
 */
export function readServices(
  body: SettingsReader,
  jobId: string,
  ports: readonly PortSettings[],
): readonly ServiceSettings[] {
  const checkPath = body.text('check_path', urlPathForm);
  const [first] = ports;
  if (body.has('check_path') && first === undefined) {
    body.problem('check_path', 'it needs a port to ask: give port too');
  }
  if (!body.has('service')) {
    return first === undefined ? [] : [defaultService(jobId, first, checkPath)];
  }
  if (body.has('check_path')) {
    body.problem('check_path', 'there are services: write check { path = … } in one of them');
  }
  const labels = ports.map(({ label }) => label);
  const services = body.blocks('service').map((block) => readService(block, jobId, labels));
  const names = services.map(({ name, port }) => `${name} on ${port}`);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) body.problem('service', `there are two of ${twice}: give them names`);
  if (new Set(services.map(({ provider }) => provider)).size > 1) {
    body.problem('service', 'all services of a group have the same provider');
  }
  return services;
}

function defaultService(jobId: string, { label }: PortSettings, path: string | null): ServiceSettings {
  return {
    name: plainServiceName(jobId),
    port: label,
    provider: 'nomad',
    tags: [],
    checks: [
      {
        name: label,
        type: path === null ? 'tcp' : 'http',
        path,
        method: null,
        port: null,
        grpcService: null,
        ...checkTimes,
        restart: checkRestart,
      },
    ],
  };
}

// A client first asks half an interval after it takes an allocation on, download and start included, and then once each
// interval. At 1.5 s most apps are up, and one that is not is asked again before long.
const checkTimes = { intervalMs: 3_000, timeoutMs: 2_000 };
// Without it, a task that hangs is taken out of the service and never started again.
const checkRestart: CheckRestartSettings = { limit: 3, graceMs: 30_000 };

function readService(block: SettingsReader, jobId: string, labels: readonly string[]): ServiceSettings {
  const provider = block.oneOf('provider', ['nomad', 'consul']) ?? 'nomad';
  const port = readLabel(block, labels) ?? labels[0] ?? '';
  if (labels.length === 0) block.problem('port', 'the group has no port: give port "http" {} too');
  const service = {
    name: block.text('name', serviceNameForm) ?? plainServiceName(jobId),
    port,
    provider,
    tags: block.texts('tags') ?? [],
    checks: block.blocks('check').map((check) => readCheck(check, { provider, port, labels })),
  };
  block.end();
  return service;
}

function readLabel(block: SettingsReader, labels: readonly string[]): string | null {
  const label = block.text('port');
  if (label !== null && !labels.includes(label)) {
    block.problem(
      'port',
      `the group has no port "${label}"${labels.length === 0 ? '' : `: ${labels.join(', ')}`}`,
    );
  }
  return label;
}

function readCheck(
  block: SettingsReader,
  service: {
    readonly provider: ServiceSettings['provider'];
    readonly port: string;
    readonly labels: readonly string[];
  },
): CheckSettings {
  const path = block.text('path', urlPathForm);
  const type = block.oneOf('type', ['http', 'tcp', 'grpc']) ?? (block.has('path') ? 'http' : 'tcp');
  if (type === 'http' && !block.has('path')) block.problem('path', 'a check by HTTP needs one');
  if (type !== 'http' && block.has('path')) block.problem('path', `a check of type ${type} asks for no path`);
  if (type === 'grpc' && service.provider !== 'consul') {
    block.problem('type', 'Nomad itself checks by http and tcp: grpc needs provider = "consul"');
  }
  const port = readLabel(block, service.labels);
  const check = {
    name: block.text('name') ?? port ?? service.port,
    type,
    path,
    method: block.text('method', { pattern: /^[A-Z]{1,16}$/, expected: 'a method like GET' }),
    port,
    grpcService: block.text('grpc_service'),
    intervalMs: block.duration('interval') ?? checkTimes.intervalMs,
    timeoutMs: block.duration('timeout') ?? checkTimes.timeoutMs,
    restart: readCheckRestart(block),
  };
  if (check.intervalMs < 1_000) block.problem('interval', 'expected at least 1s');
  if (check.timeoutMs < 1_000) block.problem('timeout', 'expected at least 1s');
  block.end();
  return check;
}

function readCheckRestart(check: SettingsReader): CheckRestartSettings | null {
  const block = check.block('check_restart');
  if (block === null) return checkRestart;
  const limit = block.number('limit', { min: 0, max: 1_000 }) ?? checkRestart.limit;
  const graceMs = block.duration('grace') ?? checkRestart.graceMs;
  block.end();
  return limit === 0 ? null : { limit, graceMs };
}
