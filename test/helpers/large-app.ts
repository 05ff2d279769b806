import { randomFillSync } from 'node:crypto';
import { mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const fileBytes = 8 << 20;
/** As much of each file as every other one: what a closure of programs and of packed data would give zstd. */
const pieceBytes = 64 << 10;

/**
 * Writes the directory of an app of about `sizeBytes`, half of it random and half of it text, in seconds a gigabyte.
 * `bin/app <files> <bytes>` reads so many bytes from each of so many files, spread over all of them. Returns the number
 * of files.
 */
export async function writeLargeApp(directory: string, sizeBytes: number): Promise<number> {
  await mkdir(join(directory, 'bin'), { recursive: true });
  await mkdir(join(directory, 'data'));
  const count = Math.max(1, Math.ceil(sizeBytes / fileBytes));
  const random = Buffer.alloc(pieceBytes);
  for (let number = 0; number < count; number++) {
    const file = await open(join(directory, 'data', String(number)), 'wx');
    for (let at = 0; at < fileBytes; at += 2 * pieceBytes) {
      const line = `line ${at} of file ${number}, much like the one before it\n`;
      const text = Buffer.from(line.repeat(Math.ceil(pieceBytes / line.length)).slice(0, pieceBytes));
      await file.writev([randomFillSync(random), text]);
    }
    await file.close();
  }
  const script = `#!/bin/sh
cd "$(dirname "$0")/../data" || exit
step=$((${count} / $1)) i=0
while [ $i -lt $1 ]; do set -- "$@" $((i * step)); i=$((i + 1)); done
bytes=$2; shift 2
exec head -qc "$bytes" "$@" > /dev/null
`;
  await writeFile(join(directory, 'bin/app'), script, { mode: 0o755 });
  return count;
}
