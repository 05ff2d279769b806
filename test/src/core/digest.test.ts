import { createHash, randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sha256OfFile } from '../../../src/core/digest.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';

describe('sha256OfFile', () => {
  it.each([0, 1, 1 << 18, (1 << 18) + 1, (1 << 20) - 1, 1 << 20, (1 << 21) + 5])(
    'digests a file of %d bytes',
    async (size) => {
      const file = join(await temporaryDirectory(), 'file');
      const content = randomBytes(size);
      await writeFile(file, content);
      let counted = 0;
      const onBytes = (count: number) => {
        counted += count;
      };
      expect(await sha256OfFile(file, { onBytes })).toBe(createHash('sha256').update(content).digest('hex'));
      expect(counted).toBe(size);
    },
  );

  it('throws the reason of an abort, and the error of the system', async () => {
    const directory = await temporaryDirectory();
    const signal = AbortSignal.abort(new Error('enough'));
    await writeFile(join(directory, 'file'), 'x');
    await expect(sha256OfFile(join(directory, 'file'), { signal })).rejects.toThrow('enough');
    await expect(sha256OfFile(join(directory, 'absent'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
