import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { describeCause, exitCodes, SaddlebagError } from '../../../src/core/errors.ts';
import { compareBytes } from '../../../src/core/files.ts';
import { parseStorePath, type StorePath } from '../../../src/core/store-path.ts';
import type { Workplace } from '../workplace.ts';
import { realise } from './build.ts';
import { runNix } from './run.ts';

/** One store path as Nix registers it. */
export interface Registration {
  readonly storePath: StorePath;
  /** Sorted; never itself. */
  readonly references: readonly StorePath[];
}

/**
 * Asks Nix for a store path's closure with its references, in two processes however large it is, and holds it from Nix's
 * collector until the work directory is deleted.
 * @throws {SaddlebagError} `nix-missing`, `nix-failed`, `nix-path-missing`
 */
export async function queryRegistrations(top: StorePath, place: Workplace): Promise<Registration[]> {
  const purpose = `cannot read the closure of ${top}`;
  await realise([top], purpose, place);
  const ask = (args: readonly string[]) =>
    runNix({ program: 'nix-store', args, purpose }, { code: 'nix-failed' }, place);
  const requisites = (await ask(['--query', '--requisites', top])).trim().split('\n');
  const registrations: Registration[] = [];
  // The kernel takes 2 MB of arguments; a store path is at most 255 bytes.
  for (let start = 0; start < requisites.length; start += 2000) {
    const text = await ask(['--dump-db', ...requisites.slice(start, start + 2000)]);
    registrations.push(...parseRegistrations(text, 'nix-store'));
  }
  return registrations;
}

/**
 * Reads a store path's closure from a file that `exportReferencesGraph` wrote, or from the `registration` of nixpkgs'
 * `closureInfo`. What is in the file besides that closure is left out.
 * @throws {SaddlebagError} `store-paths-invalid`
 */
export async function readRegistrations(
  file: string,
  top: StorePath,
  { context }: Workplace,
): Promise<Registration[]> {
  const path = resolve(context.cwd, file);
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw invalidFile(path, describeCause(cause));
  });
  const all = new Map(parseRegistrations(text, path).map((found) => [found.storePath, found]));
  const closure = new Map<StorePath, Registration>();
  const wanted = [top];
  for (let next = wanted.pop(); next !== undefined; next = wanted.pop()) {
    const found = all.get(next);
    if (found === undefined) throw invalidFile(path, `it has no ${next}`);
    if (closure.has(next)) continue;
    closure.set(next, found);
    wanted.push(...found.references);
  }
  return [...closure.values()];
}

/**
 * Parses registrations, one block a store path: the path; where a line with its NAR hash follows, that and the NAR size;
 * the deriver (may be empty), the number of references, the references. `nix-store --dump-db` and `closureInfo` write it
 * with hash and size, `exportReferencesGraph` without. `--load-db` reads the same, so the form holds across versions of
 * Nix; `--query --graph` and `--tree` are pictures, `nix path-info --json` is experimental and has changed.
 * @throws {SaddlebagError} `nix-failed` for other output of `origin`, a program; `store-paths-invalid` where it is a file
 */
export function parseRegistrations(text: string, origin: string): Registration[] {
  const lines = text.replace(/\n$/, '').split('\n');
  const registrations: Registration[] = [];
  for (let at = 0; at < lines.length; ) {
    const countAt = at + (/^(sha256:)?[0-9a-z]{52,64}$/.test(lines[at + 1] ?? '') ? 4 : 2);
    const count = /^\d+$/.test(lines[countAt] ?? '') ? Number(lines[countAt]) : Number.NaN;
    const listed = lines.slice(countAt + 1, countAt + 1 + count);
    if (!Number.isInteger(count) || listed.length !== count) throw unexpected(origin, countAt + 1);
    const storePath = parsePath(lines[at] ?? '', origin, at + 1);
    const references = listed.map((line, index) => parsePath(line, origin, countAt + 2 + index));
    registrations.push({
      storePath,
      references: references.filter((reference) => reference !== storePath).sort(compareBytes),
    });
    at = countAt + 1 + count;
  }
  return registrations;
}

function parsePath(line: string, origin: string, number: number): StorePath {
  try {
    return parseStorePath(line);
  } catch {
    throw unexpected(origin, number);
  }
}

function unexpected(origin: string, line: number): SaddlebagError {
  if (origin.startsWith('/')) return invalidFile(origin, `line ${line} is not as Nix writes it`);
  return new SaddlebagError(
    'nix-failed',
    `cannot read the closure: unexpected output of ${origin} at line ${line}`,
  );
}

function invalidFile(file: string, reason: string): SaddlebagError {
  return new SaddlebagError('store-paths-invalid', `cannot read the closure from ${file}: ${reason}`, {
    hint: "give the file that exportReferencesGraph names, or the registration of nixpkgs' closureInfo",
    exitCode: exitCodes.usage,
  });
}
