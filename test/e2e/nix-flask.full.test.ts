import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { execProcess } from '../../src/core/exec.ts';
import { builtCli } from '../helpers/cli.ts';
import { describeWith } from '../helpers/needs.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';
import { buildFlask, flaskTools } from '../stack/flask.ts';

const bundler = fileURLToPath(new URL('../../nix/bundler.nix', import.meta.url));

describeWith([...flaskTools, 'root'], 'the Flask closure, bundled inside a Nix build', () => {
  const made: string[] = [];

  afterAll(async () => {
    if (made.length > 0) await execProcess('nix-store', ['--delete', '--ignore-liveness', ...made]);
  });

  // `small` keeps the most literals as they are.
  it.each(['fast', 'balanced', 'small'])('refers to nothing, compressed %s, and runs', async (level) => {
    const app = await buildFlask();
    const command = [process.execPath, builtCli].map((part) => JSON.stringify(part)).join(' ');
    const expression = `import ${bundler} {
      system = builtins.currentSystem;
      command = [ ${command} ];
      flags = [ "--compress" "${level}" ];
    } { type = "app"; program = "\${builtins.storePath ${app}}/bin/app"; }`;
    const options = ['sandbox', 'false', 'substitute', 'false', 'build-users-group', ''];
    const flags = [0, 2, 4].flatMap((at) => ['--option', ...options.slice(at, at + 2)]);
    const built = await execProcess('nix-build', ['--no-out-link', ...flags, '--expr', expression]);
    expect(built.exitCode, built.stderr).toBe(0);
    made.push(built.stdout);
    const references = await execProcess('nix-store', ['--query', '--references', built.stdout]);
    expect([references.exitCode, references.stdout]).toEqual([0, '']);
    const env = {
      SADDLEBAG_CACHE_DIR: join(await temporaryDirectory(), 'cache'),
      SADDLEBAG_STRATEGY: 'namespace',
    };
    const ran = await execProcess(built.stdout, ['--check'], { env });
    expect([ran.exitCode, ran.stdout]).toEqual([0, expect.stringMatching(/^ok OpenSSL/)]);
  });
});
