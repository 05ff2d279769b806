import { readFile } from 'node:fs/promises';
import { describeCause, SaddlebagError } from '../src/core/errors.ts';
import type { Arch } from '../src/core/types.ts';

/**
 * Reads the runtime that was built for an architecture.
 * @throws {SaddlebagError} `runtime-missing`
 */
export async function readRuntime(arch: Arch): Promise<Buffer> {
  const file = new URL(`./runtime/out/saddlebag-runtime-${arch}`, import.meta.url);
  return readFile(file).catch((cause: unknown) => {
    throw new SaddlebagError('runtime-missing', `cannot read ${file.pathname}: ${describeCause(cause)}`, {
      hint: 'in a checkout run `npm run build`; otherwise install saddlebag again',
      cause,
    });
  });
}
