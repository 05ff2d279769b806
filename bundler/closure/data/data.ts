import { mkdir, realpath, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { SaddlebagError } from '../../../src/core/errors.ts';
import type { Closure, ClosurePath } from '../../../src/core/types.ts';
import { readElf } from '../elf/read.ts';
import { walkTree } from '../tree.ts';
import { contentPath } from '../tree-digest.ts';
import type { Workplace } from '../workplace.ts';
import { type DataKind, type DataRequest, dataKinds } from './kinds.ts';
import { type DataFiles, dataSources, shellPrograms } from './sources.ts';

/** Libraries that look for certificates; a closure with one of them gets some. */
const certificateReader = /^lib(ssl|gnutls|nss3|mbedtls|wolfssl)[.-]/;
/** The C library, which looks for locales. */
const localeReader = /^libc\.so\.6$/;
/** The locale that every bundle with a C library gets; `--with locales` brings all that this machine has. */
const plainLocale = '/usr/lib/locale/C.utf8';

/** A store path of data, and how apps find what is in it. */
type DataPath = Pick<Closure, 'binds'> & Pick<Closure['entrypoint'], 'env'> & { readonly path: ClosurePath };

/**
 * Adds the data that programs name: what was asked for, and what the libraries of the closure look for: the locale
 * C.UTF-8, certificates where TLS is spoken. What is chosen by itself is found by variables only, so that it takes no
 * way to start from the bundle, and is left out in silence where this machine has none. An image has its own.
 * @throws {SaddlebagError} `data-missing` for what was asked for, and what `walkTree` throws
 */
export async function addData(closure: Closure, request: DataRequest, place: Workplace): Promise<Closure> {
  const asked = dataKinds.filter((kind) => request.with.includes(kind));
  const chosen = choose(closure).filter((kind) => !asked.includes(kind) && !request.without.includes(kind));
  const added: DataPath[] = [];
  for (const kind of asked) added.push(await readData(kind, place));
  for (const kind of chosen) added.push(...(await readChosen(kind, place)));
  if (added.length === 0) return closure;
  const env = added.flatMap((one) => one.env).filter(({ name }) => isRead(name, closure));
  const { entrypoint, binds, paths } = closure;
  return {
    ...closure,
    entrypoint: { ...entrypoint, env: [...entrypoint.env, ...env] },
    binds: [...binds, ...added.flatMap((one) => one.binds)],
    // The app's own path stays the last.
    paths: [...added.map(({ path }) => path), ...paths],
  };
}

/** Variables of one program or source are set where it is there. */
function isRead(variable: string, { source, paths }: Closure): boolean {
  if (variable === 'NIX_SSL_CERT_FILE') return source === 'nix';
  return (
    variable !== 'GIT_SSL_CAINFO' ||
    paths.some(({ files }) => Object.keys(files).some((path) => /(^|\/)git$/.test(path)))
  );
}

function choose({ source, paths }: Closure): DataKind[] {
  if (source === 'image' || source === 'nix') return [];
  const names = paths
    .flatMap(({ files, links = {} }) => [...Object.keys(files), ...Object.keys(links)])
    .map((path) => basename(path));
  const has = (pattern: RegExp) => names.some((name) => pattern.test(name));
  return [
    ...(has(certificateReader) ? (['ca-certificates'] as const) : []),
    ...(has(localeReader) ? (['locales'] as const) : []),
  ];
}

async function readChosen(kind: DataKind, place: Workplace): Promise<DataPath[]> {
  const source = dataSources[kind];
  const all = kind === 'locales' ? [{ from: [plainLocale], to: 'lib/locale/C.utf8' }] : source.files;
  const collected = await collect(all);
  if (collected === null) return [];
  return [await describe(kind, { ...collected, bound: false }, place)];
}

async function readData(kind: DataKind, place: Workplace): Promise<DataPath> {
  const { files: wanted, texts = {} } = dataSources[kind];
  const collected = await collect(wanted);
  if (collected === null)
    throw missing(
      kind,
      wanted.flatMap(({ from }) => from),
    );
  const files = { ...collected.files, ...(await writeTexts(kind, texts, place)) };
  const links = kind === 'shell' ? await readShell(files) : collected.links;
  return describe(kind, { files, links, bound: true }, place);
}

async function describe(
  kind: DataKind,
  content: {
    readonly files: Readonly<Record<string, string>>;
    readonly links: Readonly<Record<string, string>>;
    readonly bound: boolean;
  },
  { context }: Workplace,
): Promise<DataPath> {
  const { files, links, bound } = content;
  const path = await contentPath(kind, { directory: null, files, links }, [], context.signal);
  const { env, binds } = dataSources[kind];
  const fill = (text: string) => text.replace('{}', path.storePath);
  return {
    path,
    env: env.map((setting) => ({ ...setting, value: fill(setting.value) })),
    binds: bound ? binds.map((bind) => ({ ...bind, source: fill(bind.source) })) : [],
  };
}

/** What is collected for a store path: place in it → file of this machine, or target of a link. */
interface Collected {
  readonly files: Record<string, string>;
  readonly links: Record<string, string>;
}

/** Finds files and whole directories; null where one has none of its places here. */
async function collect(wanted: readonly DataFiles[]): Promise<Collected | null> {
  const collected: Collected = { files: {}, links: {} };
  for (const { from, to } of wanted) {
    const found = await firstThat(
      from,
      async (file) => (await stat(file).catch(() => undefined)) !== undefined,
    );
    if (found === undefined) return null;
    await collectTree(await realpath(found), to, collected);
  }
  return collected;
}

/** Links out of the tree stay behind: they lead to settings of this machine (`zoneinfo/localtime`). */
async function collectTree(top: string, to: string, { files, links }: Collected): Promise<void> {
  for await (const node of walkTree(top)) {
    const place = node.path === '' ? to : `${to}/${node.path}`;
    if (node.kind === 'file') files[place] = node.file;
    else if (node.kind === 'symlink' && !node.target.startsWith('/')) links[place] = node.target;
  }
}

async function firstThat(
  candidates: readonly string[],
  holds: (candidate: string) => Promise<boolean>,
): Promise<string | undefined> {
  for (const candidate of candidates) if (await holds(candidate)) return candidate;
  return undefined;
}

/** Writes texts to the work directory; returns place in the store path → file. */
async function writeTexts(
  kind: DataKind,
  texts: Readonly<Record<string, string>>,
  { workDirectory }: Workplace,
): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const [to, text] of Object.entries(texts)) {
    const file = join(workDirectory, `data-${kind}`, to);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
    files[to] = file;
  }
  return files;
}

/** Checks that the shell needs no libraries, and returns the links by which its programs are called. */
async function readShell(files: Readonly<Record<string, string>>): Promise<Record<string, string>> {
  const [file = ''] = Object.values(files);
  const elf = await readElf(file);
  if (elf === null || elf.interpreter !== null) throw missing('shell', [`${file} without libraries`]);
  return Object.fromEntries(shellPrograms.map((name) => [`bin/${name}`, 'busybox']));
}

function missing(kind: DataKind, places: readonly string[]): SaddlebagError {
  return new SaddlebagError(
    'data-missing',
    `cannot bring ${kind} along: this machine has no ${places.join(' or ')}`,
    {
      hint: `install it: apt-get install ${dataSources[kind].debianPackage}`,
    },
  );
}
