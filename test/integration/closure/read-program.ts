import { type ClosureRequest, readClosure } from '../../../bundler/closure/closure.ts';
import type { Closure } from '../../../src/core/types.ts';
import { noData } from '../../helpers/closures.ts';
import { testContext } from '../../helpers/context.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';

/** What a program is looked for and run with. */
export const env = { PATH: process.env.PATH };

/** Reads a program or script of this machine, without the data that closures get by themselves. */
export async function read(app: string, more: Partial<ClosureRequest> = {}): Promise<Closure> {
  return readClosure(
    { app, args: [], env: {}, data: noData, ...more },
    await temporaryDirectory(),
    testContext({ env }),
  );
}
