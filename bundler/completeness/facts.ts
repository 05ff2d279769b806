import { closeSync, openSync, readSync } from 'node:fs';
import { SaddlebagError } from '../../src/core/errors.ts';
import type { StorePath } from '../../src/core/store-path.ts';
import type { Arch, ClosurePath } from '../../src/core/types.ts';
import { isElf, readElf } from '../closure/elf/read.ts';
import { parseShebang } from '../closure/shebang.ts';
import type { TreeNode } from '../closure/tree.ts';
import { walkContent } from '../closure/tree-digest.ts';
import { looksSecret } from './secrets.ts';

/** An ELF program or library, as far as loading it goes; paths are relative to the store path. */
export interface ElfFact {
  readonly path: string;
  readonly arch: Arch;
  readonly interpreter: string | null;
  readonly needed: readonly string[];
  readonly soname: string | null;
  readonly rpath: string | null;
  readonly runpath: string | null;
}

/** An executable script. */
export interface ScriptFact {
  readonly path: string;
  /** What its first line starts. */
  readonly interpreter: string;
  /** Behind `/usr/bin/env`, the program that it looks for; else null. */
  readonly command: string | null;
}

/** What of a store path has to be there, or should not, found by a look at each of its files. Survives JSON. */
export interface PathFacts {
  readonly storePath: StorePath;
  readonly elfs: readonly ElfFact[];
  readonly scripts: readonly ScriptFact[];
  /** Symbolic links to absolute paths. */
  readonly links: readonly { readonly path: string; readonly target: string }[];
  /** Files that look like keys or credentials. */
  readonly secrets: readonly string[];
}

/** Enough for the first line of a script and the first line of a key. */
const startBytes = 256;
const executableCodes: readonly string[] = ['arch-unsupported', 'elf-unsupported', 'elf-invalid'];

/**
 * Looks at every file of a store path.
 * @throws {SaddlebagError} as `walkTree`; the reason of `signal`
 */
export async function readFacts(path: ClosurePath, signal: AbortSignal): Promise<PathFacts> {
  const elfs: ElfFact[] = [];
  const scripts: ScriptFact[] = [];
  const links: { path: string; target: string }[] = [];
  const secrets: string[] = [];
  for await (const node of walkContent(path)) {
    signal.throwIfAborted();
    if (node.kind === 'symlink' && node.target.startsWith('/'))
      links.push({ path: node.path, target: node.target });
    if (node.kind !== 'file' || node.sizeBytes === 0) continue;
    const start = readStart(node);
    if (isElf(start)) elfs.push(...(await readElfFact(node)));
    else if (node.executable) scripts.push(...readScriptFact(node, start));
    if (looksSecret(node, start)) secrets.push(node.path);
  }
  return { storePath: path.storePath, elfs, scripts, links, secrets };
}

type FileNode = Extract<TreeNode, { kind: 'file' }>;

/** Synchronous: as promises, opening 40,000 small files takes three times as long. */
function readStart({ file }: FileNode): Buffer {
  const descriptor = openSync(file, 'r');
  try {
    const bytes = Buffer.alloc(startBytes);
    return bytes.subarray(0, readSync(descriptor, bytes, 0, startBytes, 0));
  } finally {
    closeSync(descriptor);
  }
}

/** Object files, debug files and those of other processors are nobody's to load here. */
async function readElfFact({ file, path }: FileNode): Promise<ElfFact[]> {
  try {
    const elf = await readElf(file);
    if (elf === null) return [];
    const { arch, interpreter, needed, soname, rpath, runpath } = elf;
    return [{ path, arch, interpreter, needed, soname, rpath, runpath }];
  } catch (cause) {
    if (cause instanceof SaddlebagError && executableCodes.includes(cause.code)) return [];
    throw cause;
  }
}

function readScriptFact({ path }: FileNode, start: Buffer): ScriptFact[] {
  const shebang = parseShebang(start.toString('utf8'));
  return shebang === null ? [] : [{ path, interpreter: shebang.interpreter, command: shebang.command }];
}
