import { realpath } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { Bind, EnvSetting } from '../../src/core/types.ts';
import type { Helper } from './include.ts';
import { orderPaths } from './order.ts';
import { readAnyProgram } from './program.ts';
import type { ProgramClosure } from './program-closure.ts';
import type { Workplace } from './workplace.ts';

/**
 * Adds programs with their closures to that of an app: they come first on its PATH, and where a program starts them by
 * a fixed path, appear there if the host has nothing. What helpers need in turn comes along.
 * @throws {SaddlebagError} as `readProgram`
 */
export async function addHelpers<T extends ProgramClosure>(
  app: T,
  asked: readonly Helper[],
  place: Workplace,
): Promise<T> {
  const queue = [...asked, ...app.helpers.map(helperAt)];
  const seen = new Set<string>();
  const found: { readonly helper: Helper; readonly closure: ProgramClosure }[] = [];
  // The queue grows while it is read.
  for (const helper of queue) {
    // By its name too: one file may be many programs.
    const key = `${await realpath(helper.file)} ${basename(helper.file)} ${helper.target ?? ''}`;
    if (seen.has(key)) continue;
    seen.add(key);
    report(helper, place);
    const options = { name: basename(helper.file), base: app.linked ?? null };
    const closure = await readAnyProgram(helper.file, options, place);
    found.push({ helper, closure });
    queue.push(...closure.helpers.map(helperAt));
  }
  if (found.length === 0) return app;
  const own = app.paths.slice(-1);
  const others = [...app.paths.slice(0, -1), ...found.flatMap(({ closure }) => closure.paths)];
  const kept = others.filter(({ storePath }) => storePath !== own[0]?.storePath);
  return {
    ...app,
    paths: [...orderPaths(kept), ...own],
    env: [...app.env, ...found.flatMap(({ closure }) => closure.env), pathOf(found)],
    binds: [
      ...app.binds,
      ...found.flatMap(({ closure, helper }) => [...closure.binds, ...bindOf(helper, closure)]),
    ],
  };
}

/** A helper that programs start by its path. */
function helperAt(file: string): Helper {
  return { file, target: file };
}

function pathOf(found: readonly { readonly closure: ProgramClosure }[]): EnvSetting {
  const directories = new Set(found.map(({ closure }) => dirname(closure.program)));
  return { name: 'PATH', value: [...directories].join(':'), policy: 'prepend' };
}

function bindOf({ target }: Helper, { program }: ProgramClosure): Bind[] {
  return target === null ? [] : [{ source: program, target, policy: 'where-absent' }];
}

function report({ file }: Helper, { context }: Workplace): void {
  context.reporter.report({ kind: 'step', stage: 'closure', message: `including the program ${file}` });
}
