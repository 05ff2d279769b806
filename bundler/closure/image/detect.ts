import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { SaddlebagError } from '../../../src/core/errors.ts';
import { readStart } from '../elf/read.ts';

const archiveName = /\.(tar|tar\.gz|tgz|tar\.zst)$/;
const compressedMagics = ['1f8b', '28b52ffd'];
/** Where a POSIX or GNU tar has its magic. */
const tarMagicOffset = 257;
/** What Nix's `streamLayeredImage` builds is a script that calls a program of that name. */
const streamer = /stream[-_]layered[-_]image/;
const streamerLimitBytes = 4096;

/**
 * Tells whether a path is an image: an OCI layout, or an archive (tar, or compressed with a name that says tar).
 * @throws {SaddlebagError} `image-not-written` for a script that would write one
 */
export async function isImage(path: string): Promise<boolean> {
  const found = await stat(path);
  if (found.isDirectory()) return isFile(join(path, 'oci-layout'));
  const start = await readStart(path, streamerLimitBytes);
  if (start.toString('latin1', 0, 2) === '#!' && streamer.test(start.toString('latin1'))) {
    throw notWritten(path);
  }
  if (start.toString('latin1', tarMagicOffset, tarMagicOffset + 5) === 'ustar') return true;
  const isCompressed = compressedMagics.some((magic) => start.toString('hex').startsWith(magic));
  return isCompressed && archiveName.test(path);
}

/** Returns the path of an image without what its archive's name ends in: `web` for `web.tar.gz`. */
export function imageName(path: string): string {
  return path.replace(archiveName, '');
}

async function isFile(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() === true;
}

function notWritten(path: string): SaddlebagError {
  return new SaddlebagError(
    'image-not-written',
    `cannot bundle ${path}: it is a script that writes an image, not an image`,
    {
      hint: `${path} > image.tar && saddlebag bundle image.tar`,
    },
  );
}
