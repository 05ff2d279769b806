import { lstat, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isElf } from '../elf/read.ts';
import { replaceShebang } from '../shebang.ts';
import type { Distribution } from './distributions.ts';

/** What a command does once Python runs. */
export type Command =
  /** Calls `function` of `module`, as pip's own scripts do. */
  | { readonly kind: 'function'; readonly module: string; readonly function: string }
  /** Runs a module as `python -m` does. */
  | { readonly kind: 'module'; readonly module: string }
  /** Runs a file, a path below the app's store path, as `python FILE` does. */
  | { readonly kind: 'file'; readonly path: string }
  /** Is Python itself, with the app's packages. */
  | { readonly kind: 'python' }
  /** A script as a package brings it, or a program: its content, but for the first line. */
  | { readonly kind: 'script'; readonly content: Buffer }
  | { readonly kind: 'program'; readonly file: string };

/**
 * Parses `package.module:object.function`, or a module alone.
 * Source: packaging.python.org, "Entry points specification".
 */
export function parseReference(text: string): Command | null {
  const match = /^([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)$/.exec(text.trim());
  if (match?.[1] === undefined || match[2] === undefined) return null;
  return { kind: 'function', module: match[1], function: match[2] };
}

/**
 * Collects the commands of an environment: what its packages declare, and what else they put into `bin`.
 * @returns name → command
 */
export async function collectCommands(
  environment: string,
  distributions: readonly Distribution[],
): Promise<ReadonlyMap<string, Command>> {
  const found = new Map<string, Command>();
  for (const { scripts } of distributions) {
    for (const [name, reference] of Object.entries(scripts)) {
      const command = parseReference(reference);
      if (command !== null) found.set(name, command);
    }
  }
  const bin = join(environment, 'bin');
  for (const name of (await readdir(bin)).sort()) {
    // Links are Python's own names, of which 3.14 has one in Greek.
    const isLink = (await lstat(join(bin, name))).isSymbolicLink();
    if (found.has(name) || isLink || /^activate/i.test(name)) continue;
    const content = await readFile(join(bin, name));
    if (isElf(content)) found.set(name, { kind: 'program', file: join(bin, name) });
    else if (startsPython(content)) found.set(name, { kind: 'script', content });
  }
  return found;
}

function startsPython(content: Buffer): boolean {
  const start = content.toString('latin1', 0, 1024);
  // Where the path of the environment is long, pip goes through the shell.
  return /^#!.*python/.test(start) || /^#!\/bin\/sh\n'''exec' .*python/.test(start);
}

/**
 * Renders a command as an executable script that the Python of the app's own environment runs.
 * @param self the app's store path
 */
export function renderCommand(command: Exclude<Command, { kind: 'program' }>, self: string): Buffer {
  const line = `${self}/bin/python3`;
  if (command.kind === 'script') {
    const text = command.content.toString('latin1');
    const rest = /^#!\/bin\/sh\n'''exec'.*\n' '''\n/.exec(text)?.[0];
    const script =
      rest === undefined ? command.content : Buffer.from(`#!\n${text.slice(rest.length)}`, 'latin1');
    return replaceShebang(script, line);
  }
  return Buffer.from(`#!${line}\n${body(command, self)}`);
}

function body(command: Exclude<Command, { kind: 'program' | 'script' }>, self: string): string {
  switch (command.kind) {
    case 'function': {
      const [object = ''] = command.function.split('.');
      return `import sys\nfrom ${command.module} import ${object}\nif __name__ == '__main__':\n    sys.exit(${command.function}())\n`;
    }
    case 'module':
      // As with -m, the working directory comes first on the path of modules.
      return `import os, runpy, sys\nif __name__ == '__main__':\n    sys.path[0] = os.getcwd()\n    runpy.run_module('${command.module}', run_name='__main__', alter_sys=True)\n`;
    case 'file':
      return `import os, runpy, sys\nif __name__ == '__main__':\n    file = ${JSON.stringify(`${self}/${command.path}`)}\n    sys.argv[0], sys.path[0] = file, os.path.dirname(file)\n    runpy.run_path(file, run_name='__main__')\n`;
    case 'python':
      return 'import os, sys\nos.execv(sys.executable, [sys.executable, *sys.argv[1:]])\n';
  }
}
