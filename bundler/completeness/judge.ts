import { posix } from 'node:path';
import { storePathOf } from '../../src/core/store-path.ts';
import type { Closure } from '../../src/core/types.ts';
import { ClosureFiles } from './closure-files.ts';
import type { PathFacts, ScriptFact } from './facts.ts';
import type { Finding } from './finding.ts';
import {
  type ClosureElf,
  checkLibrary,
  followProgram,
  type LibrarySearch,
  namesBeside,
} from './libraries.ts';

/** Where the loader of an image looks when nothing else says. */
const rootDirectories = (arch: string): readonly string[] =>
  ['/lib', '/usr/lib', '/lib64', '/usr/lib64', '/usr/local/lib'].flatMap((directory) => [
    `${directory}/${arch}-linux-gnu`,
    directory,
  ]);

/**
 * Judges a closure by the facts of its store paths: what the entrypoint and the other named programs need to start is
 * fatal where it is missing; what other files lack is not. Nothing is run, and links are followed as they will lead.
 */
export function judgeClosure(closure: Closure, facts: readonly PathFacts[]): Finding[] {
  const files = new ClosureFiles(closure);
  const elfs = new Map(
    facts.flatMap(({ storePath, elfs: own }) =>
      own.map((elf): [string, ClosureElf] => {
        const file = posix.join(storePath, elf.path);
        return [file, { ...elf, file }];
      }),
    ),
  );
  const search = {
    besides: namesBeside(elfs.values()),
    elfs,
    files,
    directories: closure.root === null ? [] : rootDirectories(closure.arch),
  };
  return [
    ...judgePrograms(closure, facts, search),
    ...judgeScripts(facts, files, new Set(closure.binds.map(({ target }) => target))),
    ...judgeLinks(facts, files),
    ...facts.flatMap(({ storePath, secrets }) =>
      secrets.map((path) => secretFinding(posix.join(storePath, path))),
    ),
  ];
}

function judgePrograms(closure: Closure, facts: readonly PathFacts[], search: LibrarySearch): Finding[] {
  const scripts = new Map(
    facts.flatMap(({ storePath, scripts: own }) =>
      own.map((script): [string, ScriptFact] => [posix.join(storePath, script.path), script]),
    ),
  );
  const starts = [closure.entrypoint.program, ...closure.programs.map(({ program }) => program)];
  const findings: Finding[] = [];
  const loaded = new Set<string>();
  let first: { readonly elf: ClosureElf; readonly known: ReadonlySet<string> } | null = null;
  for (const start of new Set(starts.map((program) => followScripts(program, scripts, search.files)))) {
    const elf = search.elfs.get(start);
    if (elf === undefined) continue;
    findings.push(...judgeStart(elf, closure, search.files));
    const { missing, known, chain } = followProgram(elf, search);
    findings.push(...missing);
    for (const { file } of chain) loaded.add(file);
    first ??= { elf, known };
  }
  // An image's libraries are found by caches and settings of its own, which only its loader knows.
  if (closure.root !== null) return findings;
  for (const elf of search.elfs.values()) {
    if (!loaded.has(elf.file)) findings.push(...checkLibrary(elf, first, search));
  }
  return findings;
}

/** Returns the program that runs a script, or the last that is known of it, without links; a program is itself. */
function followScripts(
  program: string,
  scripts: ReadonlyMap<string, ScriptFact>,
  files: ClosureFiles,
): string {
  let file = files.resolve(program) ?? program;
  // The kernel follows four.
  for (let depth = 0; depth < 5; depth++) {
    const script = scripts.get(file);
    if (script === undefined) return file;
    file = files.resolve(script.interpreter) ?? script.interpreter;
  }
  return file;
}

function judgeStart(elf: ClosureElf, closure: Closure, files: ClosureFiles): Finding[] {
  const { file, interpreter, arch } = elf;
  const findings: Finding[] = [];
  if (arch !== closure.arch) {
    findings.push({
      kind: 'arch-unsupported',
      fatal: true,
      problem: `made for ${arch}, in a bundle for ${closure.arch}`,
      file,
    });
  }
  if (interpreter !== null && !files.has(interpreter)) {
    findings.push({
      kind: 'interpreter-missing',
      fatal: true,
      problem: `the loader ${interpreter} is missing`,
      file,
    });
  }
  return findings;
}

/** `shown` are the paths at which files of the closure appear where the host has none. */
function judgeScripts(
  facts: readonly PathFacts[],
  files: ClosureFiles,
  shown: ReadonlySet<string>,
): Finding[] {
  return facts.flatMap(({ storePath, scripts }) =>
    scripts.flatMap(({ path, interpreter, command }): Finding[] => {
      if (interpreter.startsWith('/') && (files.has(interpreter) || shown.has(interpreter))) return [];
      if (isModule(path, posix.basename(command ?? interpreter))) return [];
      const problem =
        storePathOf(interpreter) === undefined ? outside(interpreter, command) : `${interpreter} is missing`;
      return [{ kind: 'interpreter-missing', fatal: false, problem, file: posix.join(storePath, path) }];
    }),
  );
}

/** Trees of modules, and what imports them: a first line in one is for who runs it by hand, as hardly anyone does. */
const moduleTrees: readonly (readonly [tree: RegExp, interpreter: RegExp])[] = [
  [/(^|\/)lib(64)?\/python3[\d.]*\//, /^python[\d.]*$/],
  [/(^|\/)(lib|share)\/ruby\//, /^ruby[\d.]*$/],
  [/(^|\/)(lib\/[^/]+|lib|share)\/perl[\d.]*\//, /^perl[\d.]*$/],
];

function isModule(path: string, program: string): boolean {
  return moduleTrees.some(([tree, interpreter]) => tree.test(path) && interpreter.test(program));
}

function outside(interpreter: string, command: string | null): string {
  return `run by ${command ?? interpreter} of the host`;
}

function judgeLinks(facts: readonly PathFacts[], files: ClosureFiles): Finding[] {
  return facts.flatMap(({ storePath, links }) =>
    links.flatMap(({ path, target }): Finding[] => {
      if (files.has(target)) return [];
      const problem =
        storePathOf(target) === undefined
          ? `a link to ${target} of the host`
          : `a link to ${target}, which is missing`;
      return [{ kind: 'link-dangling', fatal: false, problem, file: posix.join(storePath, path) }];
    }),
  );
}

function secretFinding(file: string): Finding {
  return { kind: 'secret-included', fatal: false, problem: 'looks like a key or credentials', file };
}
