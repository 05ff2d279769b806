import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runBundle } from '../../../src/commands/bundle.ts';
import { type ExecOptions, execProcess } from '../../../src/core/exec.ts';
import { testContext } from '../../helpers/context.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';

const deploying = { NOMAD_TOKEN: 'a', NOMAD_HTTP_AUTH: 'b:c', SADDLEBAG_SIGN_PASSWORD: 'd' };
const publishing = {
  AWS_ACCESS_KEY_ID: 'e',
  AWS_SECRET_ACCESS_KEY: 'f',
  AWS_SESSION_TOKEN: 'g',
  AWS_CONTAINER_AUTHORIZATION_TOKEN: 'h',
};
const others = { NODE_AUTH_TOKEN: 'i', UV_INDEX_OURS_PASSWORD: 'j', AWS_REGION: 'eu-west-1' };

/** Bundles with all credentials at hand, and returns what of them the programs that it ran were given. */
async function givenTo(app: string, cwd: string) {
  const given: Record<string, string[]> = {};
  const secrets = { ...deploying, ...publishing, ...others };
  const exec = (file: string, args: readonly string[], options: ExecOptions = {}) => {
    const env: Readonly<Record<string, string | undefined>> = options.env ?? secrets;
    given[[file.split('/').at(-1), ...args].join(' ').slice(0, 24)] = Object.keys(secrets).filter(
      (name) => env[name],
    );
    // npm itself would ask the network.
    if (args[0] !== 'ci') return execProcess(file, args, options);
    return Promise.resolve({ exitCode: 1, stdout: '', stderr: 'no', failure: undefined });
  };
  const context = testContext({ cwd, exec, env: { PATH: process.env.PATH, ...secrets } });
  await runBundle({ app, command: [], flags: { compress: 'fast', cache: false } }, context).catch(
    () => undefined,
  );
  return given;
}

describe('what is run while bundling', () => {
  it('is given neither the keys of the cluster nor those of the store where it installs', async () => {
    const cwd = await temporaryDirectory();
    await mkdir(join(cwd, 'api'));
    await writeFile(
      join(cwd, 'api/package.json'),
      '{"name":"api","main":"a.js","dependencies":{"b":"1.0.0"}}',
    );
    const lock = {
      name: 'api',
      lockfileVersion: 3,
      packages: { '': { name: 'api', dependencies: { b: '1.0.0' } } },
    };
    await writeFile(join(cwd, 'api/package-lock.json'), JSON.stringify(lock));
    await writeFile(join(cwd, 'api/a.js'), '');
    const given = await givenTo('api', cwd);
    const npm = Object.entries(given).find(([call]) => call.startsWith('npm ci'));
    expect(npm?.[1]).toEqual(Object.keys(others));
  });

  it('is given no keys of the cluster where it is Nix, which may need those of a bucket', async () => {
    const given = await givenTo('.#app', await temporaryDirectory());
    const calls = Object.values(given);
    expect(calls.length).toBeGreaterThan(0);
    for (const names of calls) expect(names).toEqual([...Object.keys(publishing), ...Object.keys(others)]);
  });
});
