import { access, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { withWorkDirectory } from '../../../src/core/work-directory.ts';

describe('withWorkDirectory', () => {
  it('gives a directory that is gone afterwards, with what was put there', async () => {
    const given = await withWorkDirectory('saddlebag-', async (directory) => {
      await writeFile(join(directory, 'a'), 'b');
      return directory;
    });
    await expect(access(given)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('says what to do where TMPDIR names nothing', async () => {
    vi.stubEnv('TMPDIR', '/dev/null/nowhere');
    try {
      await expect(withWorkDirectory('saddlebag-', async () => undefined)).rejects.toMatchObject({
        code: 'temporary-failed',
        message: 'cannot make a directory in /dev/null/nowhere: a part of the path is not a directory',
      });
    } finally {
      vi.unstubAllEnvs();
    }
  });
});
