import { isElf, readElf, readStart } from '../../../bundler/closure/elf/read.ts';
import { nameApp } from '../../../bundler/closure/naming.ts';
import type { Context } from '../../core/context.ts';
import { SaddlebagError } from '../../core/errors.ts';
import type { DescribedFile } from '../../publish/provenance/provenance.ts';
import type { Publishable } from '../../publish/publish.ts';
import { readDigests } from './file-digests.ts';
import { knownDigests } from './known-digest.ts';

/** What a program is called where it is published; its file's name and no version by default. */
export interface ProgramNames {
  readonly name?: string | undefined;
  readonly appVersion?: string | undefined;
}

/** What is only in the runtime at the front of each bundle, near its beginning on every processor. */
const runtimeMark = 'SADDLEBAG_STRATEGY';
/** Where an ELF header says at which address the program starts. */
const entryAt = 24;
const startBytes = 256 * 1024;

/**
 * Reads a program that is no bundle, as it is: its processor from its ELF header, its digests from its bytes. Warns of one
 * that needs a loader and libraries of the host that it starts on.
 * @throws {SaddlebagError} `not-a-bundle` for scripts, libraries, data, and for what is left of a bundle that was cut
 *   off or stripped; `arch-unsupported`, `elf-invalid`, `elf-unsupported`, `name-invalid`, `file-unreadable`
 */
export async function readProgram(
  file: string,
  names: ProgramNames,
  context: Pick<Context, 'env' | 'reporter' | 'signal'>,
): Promise<Publishable & DescribedFile> {
  const start = await readStart(file, startBytes);
  refuseOthers(file, start);
  const elf = await readElf(file);
  if (elf === null) throw notPublishable(file, 'it is not a program');
  if (start.readBigUInt64LE(entryAt) === 0n)
    throw notPublishable(file, 'it is a library, which does not start');
  if (elf.interpreter !== null) {
    context.reporter.report({
      kind: 'warning',
      stage: 'publish',
      code: 'program-not-static',
      message: `${file} starts only where ${elf.interpreter} and its libraries are (${elf.needed.join(', ')})`,
      hint: `link it statically, or bundle it: saddlebag bundle program:${file}`,
    });
  }
  const { name, appVersion } = nameApp(file, {
    ...(names.name === undefined ? {} : { name: names.name }),
    ...(names.appVersion === undefined ? {} : { appVersion: names.appVersion }),
  });
  const { sizeBytes, sha256, crc32 } = await knownDigests(file, () => readDigests(file, context), context);
  return {
    name,
    appVersion,
    arch: elf.arch,
    file,
    sizeBytes,
    sha256,
    crc32,
    // Of what runs: here, of the file.
    closureSha256: sha256,
    entrypoint: { interpreter: null, init: false },
    imageSettings: null,
    toolVersion: null,
    contents: null,
  };
}

function refuseOthers(file: string, start: Buffer): void {
  if (start.toString('latin1', 0, 2) === '#!') {
    throw notPublishable(file, 'it is a script, which runs only where its interpreter is', file);
  }
  if (!isElf(start)) throw notPublishable(file, 'it is neither a bundle nor a program');
  if (start.includes(runtimeMark)) {
    throw new SaddlebagError(
      'not-a-bundle',
      `cannot publish ${file}: a bundle that was cut off or stripped`,
      {
        hint: 'bundle again, or fetch it again',
      },
    );
  }
}

function notPublishable(file: string, reason: string, app = '<app>'): SaddlebagError {
  return new SaddlebagError('not-a-bundle', `cannot publish ${file}: ${reason}`, {
    hint: `make a bundle with \`saddlebag bundle ${app}\`, or give a program that is linked statically`,
  });
}
