import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { execProcess } from '../../src/core/exec.ts';
import { writeTree } from '../helpers/closures.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';

const build = fileURLToPath(new URL('../../examples/self/build.ts', import.meta.url));

describe('Saddlebag bundled by itself', () => {
  it('bundles a program where no Node is', async () => {
    const place = await temporaryDirectory();
    const built = await execProcess(process.execPath, [build, '--compress', 'fast'], {
      cwd: place,
      timeoutMs: 200_000,
    });
    expect(built.exitCode, built.stderr).toBe(0);
    const self = built.stdout.trim();
    expect(self).toMatch(/\/saddlebag-\d+\.\d+\.\d+-(x86_64|aarch64)$/);

    // A PATH with nothing but what the test is about: no Node, no shell.
    const env = { PATH: join(place, 'bin'), HOME: place, SADDLEBAG_CACHE_DIR: join(place, 'cache') };
    await mkdir(join(place, 'bin'));
    const help = await execProcess(self, ['--help'], { env });
    expect([help.exitCode, help.stdout.split('\n')[0]]).toEqual([0, 'Usage: saddlebag [options] [command]']);
    await writeTree(join(place, 'tree'), {
      'bin/hello': { executable: '#!/bin/sh\necho hello from inside\n' },
    });
    const bundled = await execProcess(self, ['bundle', 'tree', '--entrypoint', 'bin/hello', '-o', 'hello'], {
      cwd: place,
      env,
    });
    expect(bundled.exitCode, bundled.stderr).toBe(0);
    const ran = await execProcess(join(place, 'hello'), [], { env });
    expect([ran.exitCode, ran.stdout]).toEqual([0, 'hello from inside']);

    // Nothing listens there; that the SDK says so shows that it is in the bundle, with what reads a profile.
    await writeTree(place, { credentials: '[test]\naws_access_key_id = id\naws_secret_access_key = key\n' });
    const profile = { AWS_SHARED_CREDENTIALS_FILE: join(place, 'credentials'), AWS_PROFILE: 'test' };
    const nowhere = 'http://127.0.0.1:1';
    const published = await execProcess(
      self,
      ['publish', 'hello', '--to', 's3://apps', '--endpoint', nowhere, '--quiet'],
      { cwd: place, env: { ...env, ...profile } },
    );
    expect([published.exitCode, published.stderr]).toEqual([
      1,
      expect.stringContaining(`cannot reach ${nowhere}/apps: connection refused`),
    ]);

    // A certificate authority of one's own: another HTTP client is loaded. Beside it goes a bill of materials.
    await writeTree(place, { 'ca.pem': rootCertificates[0] ?? '' });
    const stored = await execProcess(self, ['publish', 'hello', '--to', 'store', '--quiet'], {
      cwd: place,
      env: { ...env, AWS_CA_BUNDLE: join(place, 'ca.pem') },
    });
    expect(stored.exitCode, stored.stderr).toBe(0);
    const files = await readdir(join(place, 'store'), { recursive: true });
    expect(files.filter((name) => name.endsWith('.cdx.json'))).toHaveLength(1);
  });
});
