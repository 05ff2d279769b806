import { realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import { exitCodes, SaddlebagError } from '../../../src/core/errors.ts';
import { findOnPath, isExecutableFile } from '../locate.ts';
import type { Workplace } from '../workplace.ts';

/** A Node of this machine. */
export interface NodeInterpreter {
  /** As it was found; npm often lies beside it. */
  readonly asked: string;
  /** The program itself, behind links and shims. */
  readonly executable: string;
  /** `22.3.0` */
  readonly version: string;
}

/**
 * Finds the Node that is to run a project: `asked` (a path, or a name on PATH), else `node`.
 * @throws {SaddlebagError} `interpreter-missing`, `interpreter-unfit`
 */
export async function findNode(asked: string | null, { context }: Workplace): Promise<NodeInterpreter> {
  const name = asked ?? 'node';
  const file = name.includes('/') ? resolve(context.cwd, name) : await findOnPath(name, context.env);
  if (file === undefined || !(await isExecutableFile(file))) {
    throw new SaddlebagError(
      'interpreter-missing',
      `cannot bundle with ${name}: there is no such program${name.includes('/') ? '' : ' on PATH'}`,
      { hint: 'install Node, or name one: --node=/path/to/node', exitCode: exitCodes.usage },
    );
  }
  const env = { ...context.env, NODE_OPTIONS: undefined };
  const script = 'console.log(process.version); console.log(process.execPath)';
  const result = await context.exec(file, ['-e', script], { env, signal: context.signal });
  context.signal.throwIfAborted();
  const [version = '', executable = ''] = result.stdout.trim().split('\n');
  if (result.exitCode === 0 && version.startsWith('v')) {
    return { asked: file, executable: await realpath(executable), version: version.slice(1) };
  }
  const reason = result.stderr.trim().split('\n').at(-1) || result.failure || `exit ${result.exitCode}`;
  throw new SaddlebagError('interpreter-unfit', `cannot bundle with ${file}: it does not start: ${reason}`, {
    hint: 'choose another with --node=PATH',
  });
}
