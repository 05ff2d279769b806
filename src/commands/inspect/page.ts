import { basename } from 'node:path';
import type { Bundle, EnvPolicy, EnvSetting, ImageSettings } from '../../core/types.ts';
import { formatBytes } from '../../core/units.ts';
import { describeNamespaces } from '../namespaces.ts';

const sources = {
  nix: 'a Nix closure',
  program: 'a program of its machine',
  directory: 'a directory',
  image: 'an OCI image',
  python: 'a Python project',
  node: 'a Node project',
} as const;

/** Renders a bundle as a page for people. */
export function renderBundle(bundle: Bundle): string {
  const { image, entrypoint } = bundle;
  const entries = image.paths.reduce((sum, path) => sum + path.entries, 0);
  const facts: [string, string][] = [
    ['entrypoint', [entrypoint.program, ...entrypoint.args].join(' ')],
    ...bundle.programs.map(({ name, program }): [string, string] => ['program', `${name} → ${program}`]),
    ...describeEnv(entrypoint.env),
    ...bundle.binds.map(({ source, target }): [string, string] => ['bind', `${source} at ${target}`]),
    ...describeImage(bundle.imageSettings),
    ...bundle.excluded.map(({ glob, files, bytes }): [string, string] => [
      'left out',
      `${glob}: ${files} files, ${formatBytes(bytes)}`,
    ]),
    ['size', `${formatBytes(bundle.sizeBytes)}, ${formatBytes(image.contentBytes)} extracted`],
    ['content', `${entries} entries of ${image.paths.length} store paths, in ${image.frames} frames`],
    ['encoder', image.encoder],
    ['sha256', bundle.sha256],
    ['closure', bundle.closureSha256],
    ['made by', `saddlebag ${bundle.toolVersion}`],
  ];
  return [
    `${[bundle.name, bundle.appVersion].join(' ').trim()} for ${bundle.arch}, from ${sources[bundle.source]}`,
    '',
    ...facts.map(([name, value]) => `  ${name.padEnd(11)} ${value}`),
    `  ${describeNamespaces(bundle)}`,
    '',
    ...renderPaths(bundle),
    '',
    'stock tools list it:',
    `  tail -c +${bundle.tailOffset} ${basename(bundle.file)} | zstd -d | tar t`,
  ].join('\n');
}

function describeImage(settings: ImageSettings | null): [string, string][] {
  if (settings === null) return [];
  const { user, ports, stopSignal } = settings;
  const facts = [
    `user ${user ?? 'root'}`,
    ports.length === 0 ? 'no ports' : `ports ${ports.join(', ')}`,
    `stopped by ${stopSignal ?? 'SIGTERM'}`,
  ];
  return [['image', facts.join(', ')]];
}

const policyWords: Readonly<Record<EnvPolicy, string>> = {
  'where-unset': '',
  always: ', always',
  prepend: ', put before what is there',
  append: ', put behind what is there',
  unset: '',
  'where-unset-if-present': ' if that exists',
};

/** One line a variable; several settings of one are tried in their order. */
function describeEnv(env: readonly EnvSetting[]): [string, string][] {
  return [...Map.groupBy(env, ({ name }) => name)].map(([name, settings]): [string, string] => {
    const texts = settings.map(({ value, policy }) =>
      policy === 'unset' ? '(removed)' : `${value}${policyWords[policy]}`,
    );
    return ['env', `${name}=${texts.join(', else ')}`];
  });
}

function renderPaths(bundle: Bundle): string[] {
  const bySize = bundle.image.paths.toSorted((a, b) => b.contentBytes - a.contentBytes);
  return [
    `  ${'extracted'.padStart(10)} ${'in file'.padStart(10)}  store path`,
    ...bySize.map(
      (path) =>
        `  ${formatBytes(path.contentBytes).padStart(10)} ${formatBytes(path.compressedBytes).padStart(10)}  ${path.storePath}`,
    ),
  ];
}
