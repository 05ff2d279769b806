import { SaddlebagError } from '../../src/core/errors.ts';
import { openBytes } from './elf/bytes.ts';

/** Ends what PyInstaller appends to its loader. Source: PyInstaller, PyInstaller/archive/writers.py, CArchiveWriter. */
const cookie = Buffer.from('4d45490c0b0a0b0e', 'hex');
/** Behind it lie the rest of the cookie, the section headers and their names. */
const searchedBytes = 65_536;

/**
 * Refuses a program that PyInstaller packed: its Python is unpacked when it starts and looks for libraries of the machine,
 * which no file tells beforehand, and a bundle's loader finds only its own.
 * @throws {SaddlebagError} `elf-unsupported`, `tree-unreadable`
 */
export function refusePyInstaller(file: string): void {
  using bytes = openBytes(file);
  if (!bytes.slice(Math.max(0, bytes.length - searchedBytes), searchedBytes).includes(cookie)) return;
  throw new SaddlebagError(
    'elf-unsupported',
    `cannot bundle ${file}: PyInstaller packed it, and what it unpacks needs libraries that it does not name`,
    {
      hint: 'bundle the project that it was made from (--python --entrypoint app.py), or what `pyinstaller --onedir` makes: saddlebag bundle dist/app --entrypoint app',
    },
  );
}
