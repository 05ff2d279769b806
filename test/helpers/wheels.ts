import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execProcess } from '../../src/core/exec.ts';
import { temporaryDirectory } from './temporary.ts';

/** A wheel for a test: its files, with the metadata that is not made from the name. */
export interface WheelSource {
  readonly name: string;
  readonly version: string;
  /** Path in the wheel → text. */
  readonly files: Readonly<Record<string, string>>;
  readonly requires?: readonly string[];
  /** Command → `module:function`. */
  readonly commands?: Readonly<Record<string, string>>;
  /** By default `py3-none-any`. */
  readonly tag?: string;
}

/**
 * A build backend that makes the wheel of a project without anything from an index: it packs the directory `package` and
 * what it is told of itself in `wheel.json`.
 */
export const offlineBackend = `
import base64, hashlib, json, os, zipfile

def build_wheel(directory, config_settings=None, metadata_directory=None):
    with open('wheel.json') as file:
        return write(directory, json.load(file))

def write(directory, source):
    name, version = source['name'], source['version']
    info = f'{name}-{version}.dist-info'
    files = dict(source['files'])
    for top, _, names in os.walk('package') if os.path.isdir('package') else ():
        for each in sorted(names):
            path = os.path.join(top, each)
            with open(path) as file:
                files[os.path.relpath(path, 'package')] = file.read()
    requires = ''.join(f'Requires-Dist: {each}\\n' for each in source.get('requires', []))
    files[f'{info}/METADATA'] = f'Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n{requires}'
    tag = source.get('tag') or 'py3-none-any'
    files[f'{info}/WHEEL'] = f'Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: {tag}\\n'
    commands = source.get('commands') or {}
    if commands:
        lines = ''.join(f'{key} = {value}\\n' for key, value in sorted(commands.items()))
        files[f'{info}/entry_points.txt'] = '[console_scripts]\\n' + lines
    record = ''.join(
        f'{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()},{len(text.encode())}\\n'
        for path, text in files.items()
    )
    files[f'{info}/RECORD'] = record + f'{info}/RECORD,,\\n'
    wheel = f'{name}-{version}-{tag}.whl'
    with zipfile.ZipFile(os.path.join(directory, wheel), 'w') as archive:
        for path, text in files.items():
            archive.writestr(zipfile.ZipInfo(path), text)
    return wheel

if __name__ == '__main__':
    import sys
    print(write(sys.argv[1], json.loads(sys.argv[2])))
`;

/**
 * Writes a wheel into a directory.
 * @returns its path, and its SHA-256 as lower-case hex
 */
export async function writeWheel(
  directory: string,
  source: WheelSource,
): Promise<{ readonly file: string; readonly sha256: string }> {
  const place = await temporaryDirectory();
  await writeFile(join(place, 'backend.py'), offlineBackend);
  const args = ['backend.py', directory, JSON.stringify(source)];
  const { stdout, stderr, exitCode } = await execProcess('python3', args, { cwd: place });
  if (exitCode !== 0) throw new Error(stderr);
  const file = join(directory, stdout.trim());
  return {
    file,
    sha256: createHash('sha256')
      .update(await readFile(file))
      .digest('hex'),
  };
}
