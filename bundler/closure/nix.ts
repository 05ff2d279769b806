import { readdir, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { SaddlebagError } from '../../src/core/errors.ts';
import { compareBytes } from '../../src/core/files.ts';
import { parseStorePath, type StorePath, storePathOf } from '../../src/core/store-path.ts';
import type { Arch, ClosurePath } from '../../src/core/types.ts';
import { type Executable, readExecutable } from './executable.ts';
import { isExecutableFile } from './locate.ts';
import { orderPaths } from './order.ts';
import { noSurroundings, type ProgramClosure, type Workplace } from './program-closure.ts';
import { interpreterOfScript } from './shebang.ts';

/** One store path as Nix registers it. */
export interface Registration {
  readonly storePath: StorePath;
  /** Sorted; never itself. */
  readonly references: readonly StorePath[];
}

/**
 * Reads the closure of the Nix build that `program` lies in; `chooseProgram` finds one in a store path.
 * @throws {SaddlebagError} `nix-missing`, `nix-failed`, `arch-unsupported`, `not-executable`
 */
export async function readNix(program: string, place: Workplace): Promise<ProgramClosure> {
  const top = storePathOf(program);
  if (top === undefined) throw new Error(`${program} is not in the Nix store`);
  const registrations = await queryClosure(top, place);
  const paths = orderPaths(registrations.map((registration) => closurePath(registration)));
  return {
    program,
    ...(await describeProgram(program, place)),
    ownLoader: await holdsLoader(paths),
    paths,
    ...noSurroundings,
  };
}

function closurePath({ storePath, references }: Registration): ClosurePath {
  return { storePath, directory: storePath, files: {}, references };
}

/**
 * Asks Nix for a store path's closure with its references, in two processes however large it is.
 */
async function queryClosure(top: StorePath, place: Workplace): Promise<Registration[]> {
  const requisites = (await runNixStore(['--query', '--requisites', top], top, place)).trim().split('\n');
  const registrations: Registration[] = [];
  // The kernel takes 2 MB of arguments; a store path is at most 255 bytes.
  for (let start = 0; start < requisites.length; start += 2000) {
    const args = ['--dump-db', ...requisites.slice(start, start + 2000)];
    registrations.push(...parseRegistrations(await runNixStore(args, top, place)));
  }
  return registrations;
}

/**
 * Parses what `nix-store --dump-db` prints, one block a store path: the path, NAR hash, NAR size, deriver (may be
 * empty), number of references, references. `--load-db` reads the same, so the form holds across versions of Nix;
 * `--query --graph` and `--tree` are pictures, `nix path-info --json` is experimental and has changed.
 * @throws {SaddlebagError} `nix-failed` for text of another form
 */
export function parseRegistrations(text: string): Registration[] {
  const lines = text.replace(/\n$/, '').split('\n');
  const registrations: Registration[] = [];
  for (let at = 0; at < lines.length; ) {
    const count = Number(lines[at + 4] ?? Number.NaN);
    const references = lines.slice(at + 5, at + 5 + count).map(parseStorePath);
    if (!Number.isInteger(count) || references.length !== count) {
      throw new SaddlebagError(
        'nix-failed',
        `cannot read the closure: unexpected output of nix-store at line ${at + 5}`,
      );
    }
    const storePath = parseStorePath(lines[at] ?? '');
    registrations.push({
      storePath,
      references: references.filter((reference) => reference !== storePath).sort(compareBytes),
    });
    at += 5 + count;
  }
  return registrations;
}

async function runNixStore(args: readonly string[], top: StorePath, { context }: Workplace): Promise<string> {
  const result = await context.exec('nix-store', args, { env: context.env, signal: context.signal });
  context.signal.throwIfAborted();
  if (result.exitCode === 0) return result.stdout;
  if (result.failure === 'ENOENT') {
    throw new SaddlebagError('nix-missing', `cannot read the closure of ${top}: nix-store is not on PATH`, {
      hint: 'install Nix, or put its bin directory on PATH',
    });
  }
  const reason = result.stderr.trim().split('\n').at(-1) || result.failure || `exit ${result.exitCode}`;
  throw new SaddlebagError('nix-failed', `cannot read the closure of ${top}: nix-store: ${reason}`);
}

/** Follows scripts to the program that runs them, for its processor, and names the interpreter. */
async function describeProgram(
  program: string,
  place: Workplace,
): Promise<{ readonly arch: Arch; readonly interpreter: string | null }> {
  const first = await readExecutable(program);
  let current: Executable = first;
  // The kernel follows no more than five.
  for (let depth = 0; current.kind === 'script' && depth < 5; depth++) {
    const interpreter = current.shebang.interpreter;
    if (storePathOf(interpreter) === undefined) reportOutside(current.file, interpreter, place);
    current = await readExecutable(interpreter);
  }
  if (current.kind === 'script') {
    throw new SaddlebagError(
      'not-executable',
      `cannot bundle ${program}: its interpreters are scripts without end`,
    );
  }
  return { arch: current.elf.arch, interpreter: await interpreterOf(first) };
}

/** nixpkgs puts `.app-wrapped` beside a wrapper `app`, be that a script or a small ELF program. */
async function interpreterOf(executable: Executable): Promise<string | null> {
  const real = await realpath(executable.file);
  const wrapped = join(dirname(real), `.${basename(real)}-wrapped`);
  if (await isExecutableFile(wrapped)) return interpreterOf(await readExecutable(wrapped));
  return executable.kind === 'elf' ? null : interpreterOfScript(executable.bytes.toString('utf8'));
}

function reportOutside(script: string, interpreter: string, { context }: Workplace): void {
  context.reporter.report({
    kind: 'warning',
    stage: 'closure',
    code: 'interpreter-outside',
    message: `${script} is run by ${interpreter}, which is not part of its closure`,
    hint: 'the bundle runs only where the host has it; patchShebangs in the build makes it whole',
  });
}

async function holdsLoader(paths: readonly ClosurePath[]): Promise<boolean> {
  for (const { storePath } of paths) {
    const names = await readdir(join(storePath, 'lib')).catch(() => []);
    if (names.some((name) => /^ld-(linux|musl)-/.test(name))) return true;
  }
  return false;
}
