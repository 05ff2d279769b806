import { printable } from '../src/core/printable.ts';
import type { Bundle } from '../src/core/types.ts';

/** What of a bundle its unit depends on. */
export type UnitBundle = Pick<
  Bundle,
  'name' | 'appVersion' | 'relocateRefusal' | 'root' | 'binds' | 'imageSettings'
> & { readonly fileName: string };

/** What a unit says beyond its bundle. */
export interface UnitSettings {
  /** Absolute path of the bundle on the host. */
  readonly path: string;
  readonly env: Readonly<Record<string, string>>;
  /** Absolute path of a file of NAME=VALUE lines on the host, where secrets are; null: none. */
  readonly environmentFile: string | null;
  readonly args: readonly string[];
  /** A user of the host; null: one that exists only while the service runs. */
  readonly user: string | null;
  /** MiB; null: no limit. */
  readonly memory: number | null;
}

/**
 * Returns what a unit, its user and its directories are called: the bundle's name in letters that systemd takes for all
 * of them.
 */
export function unitName(bundleName: string): string {
  const plain = bundleName
    .replace(/[^0-9A-Za-z_-]+/g, '-')
    .replace(/^[^A-Za-z]+/, '')
    .slice(0, 30);
  return plain === '' ? 'app' : plain;
}

/**
 * Renders a systemd service that runs a bundle with as few rights as it starts with: a bundle that runs relocated may
 * make no namespace at all, another may make those that it mounts its store paths in. What is refused fails with EPERM
 * instead of ending the process, so that the runtime takes its next strategy. `MemoryDenyWriteExecute=` is not there:
 * what compiles while it runs (Node, Java, PyPy) would not start.
 * Source: systemd.exec(5), systemd.service(5); docs/runtime.md for what the strategies need.
 */
export function renderUnit(bundle: UnitBundle, settings: UnitSettings): string {
  const name = unitName(bundle.name);
  const sections: readonly (readonly [string, readonly string[]])[] = [
    ['Unit', unitLines(bundle)],
    ['Service', [...serviceLines(name, bundle, settings), '', ...sandboxLines(bundle)]],
    ['Install', ['WantedBy=multi-user.target']],
  ];
  const head = [
    `# ${plain(`${bundle.name} ${bundle.appVersion}`)}, by \`saddlebag unit\`:`,
    `#   sudo install ${plain(shellWord(bundle.fileName))} ${shellWord(settings.path)}`,
    `#   sudo install -m 0644 ${name}.service /etc/systemd/system/`,
    `#   sudo systemctl daemon-reload && sudo systemctl enable --now ${name}`,
  ];
  return [head.join('\n'), ...sections.map(([title, lines]) => `[${title}]\n${lines.join('\n')}`)]
    .map((part) => `${part}\n`)
    .join('\n');
}

function unitLines({ name, appVersion }: UnitBundle): string[] {
  return [
    `Description=${escapeSpecifiers(plain(`${name} ${appVersion}`))}`,
    'Wants=network-online.target',
    'After=network-online.target',
  ];
}

function serviceLines(name: string, { imageSettings }: UnitBundle, settings: UnitSettings): string[] {
  const { path, env, environmentFile, args, user, memory } = settings;
  const stopSignal = imageSettings?.stopSignal ?? null;
  const hasSignal = stopSignal !== null && /^[A-Z0-9+-]+$/.test(stopSignal);
  return [
    'Type=exec',
    `ExecStart=${[path, ...args].map(commandWord).join(' ')}`,
    ...Object.entries(env).map(([key, value]) => `Environment=${quoted(`${key}=${value}`)}`),
    ...(environmentFile === null ? [] : [`EnvironmentFile=${escapeSpecifiers(plain(environmentFile))}`]),
    ...(user === null ? ['DynamicUser=yes'] : [`User=${escapeSpecifiers(plain(user))}`]),
    '# The runtime unpacks to the first, the app may keep its data in the second: $STATE_DIRECTORY.',
    `CacheDirectory=${name}`,
    `StateDirectory=${name}`,
    `WorkingDirectory=%S/${name}`,
    ...(hasSignal ? [`KillSignal=${stopSignal}`] : []),
    ...(memory === null ? [] : [`MemoryMax=${memory}M`]),
    'Restart=on-failure',
    'RestartSec=1s',
  ];
}

function sandboxLines(bundle: UnitBundle): string[] {
  return [
    'NoNewPrivileges=yes',
    'CapabilityBoundingSet=',
    'ProtectSystem=strict',
    'ProtectHome=yes',
    'PrivateTmp=yes',
    'PrivateDevices=yes',
    'ProtectClock=yes',
    'ProtectControlGroups=yes',
    'ProtectHostname=yes',
    'ProtectKernelLogs=yes',
    'ProtectKernelModules=yes',
    'ProtectKernelTunables=yes',
    'ProtectProc=invisible',
    'RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK',
    'RestrictRealtime=yes',
    'RestrictSUIDSGID=yes',
    'LockPersonality=yes',
    'SystemCallArchitectures=native',
    'SystemCallErrorNumber=EPERM',
    ...namespaceLines(bundle),
    'UMask=0027',
  ];
}

function namespaceLines({ relocateRefusal, root, binds }: UnitBundle): string[] {
  const needs = [
    ...(relocateRefusal === null ? [] : [relocateRefusal]),
    ...(root === null ? [] : ["the image's tree is its root"]),
    ...(binds.length === 0 ? [] : [`it shows files at ${binds.map(({ target }) => target).join(', ')}`]),
  ];
  if (needs.length === 0) {
    return ['# It starts without namespaces, so it may make none.', 'RestrictNamespaces=yes', systemCalls];
  }
  return [
    `# It mounts its store paths for itself: ${plain(needs.join('; '))}.`,
    'RestrictNamespaces=user mnt',
    `${systemCalls} @mount`,
  ];
}

const systemCalls = 'SystemCallFilter=@system-service';

/** Quotes a word of ExecStart=, where `$` begins a variable and `%` a specifier. */
function commandWord(word: string): string {
  const escaped = escapeSpecifiers(word).replaceAll('$', '$$$$');
  return /^[\w@%+=:,./$-]+$/.test(escaped) ? escaped : quotedRaw(escaped);
}

function quoted(text: string): string {
  return quotedRaw(escapeSpecifiers(text));
}

function quotedRaw(text: string): string {
  const escaped = text
    .replace(/[\\"]/g, (character) => `\\${character}`)
    .replace(/[\p{Cc}]/gu, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
  return `"${escaped}"`;
}

/** Text of the bundle's on one line: what follows a newline would be a setting, of a service that root starts. */
function plain(text: string): string {
  // A backslash at the end of a line goes on with the next.
  return printable(text).replace(/\\+$/, '');
}

function escapeSpecifiers(text: string): string {
  return text.replaceAll('%', '%%');
}

function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
