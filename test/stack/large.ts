import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { execProcess } from '../../src/core/exec.ts';

const fixture = fileURLToPath(new URL('../fixtures/large-closure/default.nix', import.meta.url));
const leastBytes = 1e9;

/** What a machine with compilers and interpreters has: libraries, modules of Python, Perl and Ruby, Java. */
const candidates = [
  '/usr/lib/python3.11',
  '/usr/lib/python3',
  '/usr/lib/gcc',
  '/usr/lib/ruby',
  '/usr/share/perl',
  '/usr/lib/node_modules',
  '/usr/lib/git-core',
  '/usr/lib/x86_64-linux-gnu',
  '/usr/lib/jvm',
  '/usr/lib/llvm-14',
  '/usr/share/locale',
];

/**
 * Builds a closure of more than 1 GB from directories of this machine, each a store path, and returns the store path of the
 * small program that refers to them; another `version` changes that one alone.
 * @throws when the machine has too little to make it of, or Nix fails
 */
export async function buildLarge(version: string): Promise<string> {
  const directories: string[] = [];
  let sizeBytes = 0;
  for (const directory of candidates.filter((candidate) => existsSync(candidate))) {
    if (sizeBytes > leastBytes) break;
    sizeBytes += Number.parseInt((await execProcess('du', ['-sb', directory])).stdout, 10);
    directories.push(directory);
  }
  if (sizeBytes <= leastBytes) throw new Error(`only ${sizeBytes} bytes of programs on this machine`);
  const settings = ['--argstr', 'version', version, '--argstr', 'directories', directories.join(':')];
  const options = ['--no-out-link', '--option', 'sandbox', 'false', '--option', 'substitute', 'false'];
  const built = await execProcess('nix-build', [fixture, ...settings, ...options], { timeoutMs: 600_000 });
  if (built.exitCode !== 0) throw new Error(`nix-build failed: ${built.failure ?? ''}\n${built.stderr}`);
  return built.stdout.trim();
}
