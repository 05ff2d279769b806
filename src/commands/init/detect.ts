import { access, constants, readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { parse as parseToml } from 'smol-toml';
import { readStart } from '../../../bundler/closure/elf/read.ts';
import { isImage } from '../../../bundler/closure/image/detect.ts';
import { findProjects } from '../../../bundler/closure/project/kinds.ts';

/** What a directory seems to be, and how its bundle is asked for. */
export interface DetectedProject {
  /** For people: `a Node project (package.json)`. */
  readonly found: string;
  /** Fit for the label of an app. */
  readonly name: string;
  /** Keys of the `bundle` block, in their order. */
  readonly bundle: Readonly<Record<string, string>>;
}

/**
 * Finds out what a directory holds: a flake, a Nix expression or its result, a Python or Node project, an image, or a
 * single program; in this order, since who has a flake builds with it. Null where none of it is there.
 */
export async function detectProject(directory: string): Promise<DetectedProject | null> {
  const names = new Set(await readdir(directory));
  const [language, other] = await findProjects(directory);
  const name = plainLabel((await declaredName(directory, names)) ?? basename(directory));
  if (names.has('flake.nix')) return { found: 'a flake (flake.nix)', name, bundle: { source: '.#' } };
  if (names.has('default.nix')) {
    return { found: 'a Nix expression (default.nix)', name, bundle: { file: 'default.nix' } };
  }
  if (names.has('result')) return { found: 'a Nix build (result)', name, bundle: { source: './result' } };
  if (language !== undefined) {
    const title = language === 'python' ? 'a Python project' : 'a Node project';
    // Where it is both, the bundle has to be told which.
    const choice = other === undefined ? {} : { [language]: 'auto' };
    return { found: title, name, bundle: { source: '.', ...choice } };
  }
  return (await onlyFile(directory, names)) ?? null;
}

/** Describes what the user names, which `bundle` takes as it is. */
export function namedProject(source: string): DetectedProject {
  const last = basename(source.replace(/^[a-z]+:/, '').replace(/[#^].*$/, '')) || 'app';
  return { found: source, name: plainLabel(last.replace(/\.[a-z]{1,4}$/i, '')), bundle: { source } };
}

/**
 * Says why what a directory holds cannot be bundled as it is: source that becomes a program only when it is built, or the
 * root of several packages. Null where neither is so.
 */
export async function whyNotYet(
  directory: string,
  project: DetectedProject | null,
): Promise<{ readonly reason: string; readonly hint: string } | null> {
  const names = new Set(await readdir(directory));
  const built = builds.find(({ file }) => names.has(file));
  if (project === null && built !== undefined) {
    return {
      reason: `its ${built.file} says how a program is built, and there is none yet`,
      hint: `build it, and name the program: ${built.command} && saddlebag init ${built.program}`,
    };
  }
  const isLanguage = project?.bundle.source === '.' && project.bundle.python === undefined;
  const text = isLanguage ? await readFile(join(directory, 'package.json'), 'utf8').catch(() => '') : '';
  if (!isWorkspace(text)) return null;
  return {
    reason: 'its package.json is the root of several packages, and starts nothing',
    hint: 'name one of them: saddlebag init ./packages/NAME',
  };
}

const builds = [
  { file: 'go.mod', command: 'CGO_ENABLED=0 go build -o app .', program: './app' },
  { file: 'Cargo.toml', command: 'cargo build --release', program: './target/release/NAME' },
] as const;

/** Tells whether a package.json has packages of its own and nothing that `bundle` could start. */
function isWorkspace(text: string): boolean {
  try {
    const { workspaces, bin, main, scripts } = JSON.parse(text);
    return workspaces !== undefined && (bin ?? main ?? scripts?.start) === undefined;
  } catch {
    return false;
  }
}

async function declaredName(directory: string, names: ReadonlySet<string>): Promise<string | undefined> {
  try {
    if (names.has('pyproject.toml')) {
      const { project } = parseToml(await readFile(join(directory, 'pyproject.toml'), 'utf8'));
      return textOf(project, 'name');
    }
    if (!names.has('package.json')) return undefined;
    return textOf(JSON.parse(await readFile(join(directory, 'package.json'), 'utf8')), 'name');
  } catch {
    // Who bundles it is told what is wrong with it.
    return undefined;
  }
}

function textOf(value: unknown, key: string): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const found: unknown = Object.entries(value).find(([name]) => name === key)?.[1];
  return typeof found === 'string' ? found : undefined;
}

/** Finds the one image or, without one, the one program among the files of a directory. */
async function onlyFile(directory: string, names: ReadonlySet<string>): Promise<DetectedProject | undefined> {
  const files = await Promise.all(
    [...names].sort().map(async (name) => ({ name, kind: await kindOf(join(directory, name)) })),
  );
  for (const kind of ['image', 'program'] as const) {
    const [only, ...more] = files.filter((file) => file.kind === kind);
    if (only === undefined) continue;
    if (more.length > 0) return undefined;
    return {
      ...namedProject(`./${only.name}`),
      found: `${kind === 'image' ? 'an image' : 'a program'} (${only.name})`,
    };
  }
  return undefined;
}

async function kindOf(file: string): Promise<'image' | 'program' | 'other'> {
  const found = await stat(file).catch(() => undefined);
  if (found?.isFile() !== true) return 'other';
  try {
    if (await isImage(file)) return 'image';
    await access(file, constants.X_OK);
    const start = (await readStart(file, 4)).toString('latin1');
    return start.startsWith('#!') || start === '\x7fELF' ? 'program' : 'other';
  } catch {
    return 'other';
  }
}

function plainLabel(text: string): string {
  const plain = text
    .replace(/^@[^/]*\//, '')
    .replace(/[^0-9A-Za-z._-]+/g, '-')
    .replace(/^[^0-9A-Za-z]+|-+$/g, '')
    .slice(0, 60);
  return plain === '' ? 'app' : plain;
}
