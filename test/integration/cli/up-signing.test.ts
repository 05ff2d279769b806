import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { runUp } from '../../../src/commands/up/up.ts';
import { SaddlebagError } from '../../../src/core/errors.ts';
import { writeTree } from '../../helpers/closures.ts';
import { testContext } from '../../helpers/context.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';
import { otherPublicKey, plainSecretKey, publicKey } from '../../src/publish/provenance/keys.ts';
import { Refusal, startFakeNomad } from '../../stack/fake-nomad.ts';

let cwd = '';
let calls: readonly string[] = [];
let address = '';

beforeEach(async () => {
  cwd = await temporaryDirectory();
  // It gets as far as the deploy, which the server refuses.
  const nomad = await startFakeNomad({ '/validate/job': () => new Refusal(500, 'enough') });
  ({ address, calls } = nomad);
});

/** Runs `up` for a project with these keys in its store, and returns with what it ended and what was published. */
async function up(
  keys: string,
  options: { readonly env?: object; readonly flags?: object; readonly app?: string } = {},
) {
  await writeTree(cwd, {
    'saddlebag.hcl': `store "main" {\n  to = "./releases"\n  ${keys}\n}
app "web" {
  bundle {
    source = "./tree"
    entrypoint = "bin/web"
  }
  ${options.app ?? ''}
}\n`,
    'web.key': plainSecretKey,
    'web.nomad.hcl': 'job "web" {}\n',
    'tree/bin/web': { executable: '#!/bin/sh\nexit 0\n' },
  });
  const env = { NOMAD_ADDR: address, SADDLEBAG_BUILD_CACHE: join(cwd, 'cache'), ...options.env };
  const flags = options.flags ?? {};
  const ended: unknown = await runUp({ apps: [], flags, confirm: null }, testContext({ cwd, env })).catch(
    (cause: unknown) => cause,
  );
  const published = await readdir(join(cwd, 'releases'), { recursive: true }).catch(() => []);
  return { code: ended instanceof SaddlebagError ? ended.code : null, ended, published };
}

const signed = (published: readonly string[]) => published.filter((name) => name.endsWith('.minisig'));

it('signs what it publishes, deploys it, and trusts it the next time', async () => {
  const keys = `sign_key = "web.key"\n  public_key = "${publicKey}"`;
  const first = await up(keys);
  expect(signed(first.published)).toHaveLength(1);
  expect(calls).toContain('POST /validate/job');
  expect(await readFile(join(cwd, 'releases/web/releases.json'), 'utf8')).toContain('untrusted comment');
  const again = await up(keys);
  expect(again.code).toBe(first.code);
  expect(again.published).toEqual(first.published);
});

it.each([
  ['public_key', `public_key = "${publicKey}"`, {}],
  ['SADDLEBAG_PUBLIC_KEY', '', { SADDLEBAG_PUBLIC_KEY: publicKey }],
])('publishes nothing that is not signed where %s asks for it', async (_, keys, env) => {
  const { code, ended, published } = await up(keys, { env });
  expect([code, published]).toEqual(['signature-missing', []]);
  expect(ended).toMatchObject({
    message: 'cannot publish web: only what is signed is deployed, and there is no key to sign it with',
    hint: 'write sign_key = "FILE" into store "main", or leave public_key and SADDLEBAG_PUBLIC_KEY out',
    exitCode: 2,
  });
});

it('plans what is not signed, with a job file of the user too', async () => {
  for (const app of ['', 'job_file = "web.nomad.hcl"']) {
    const { code } = await up(`public_key = "${publicKey}"`, { app, flags: { plan: true } });
    expect(code).not.toBe('signature-missing');
  }
});

it('does not deploy a release that another has published without a signature', async () => {
  const deployed = () => calls.filter((call) => call === 'POST /validate/job').length;
  const served = 'download_url = "http://127.0.0.1:9"';
  expect((await up(served)).published).not.toEqual([]);
  expect(deployed()).toBe(1);
  // Its signature might lie beside it, where the folder would be served.
  expect((await up(`${served}\n  public_key = "${publicKey}"`)).code).toBe('download-failed');
  expect(deployed()).toBe(1);
});

it('deploys nothing where the two keys are of different pairs', async () => {
  expect((await up(`sign_key = "web.key"\n  public_key = "${otherPublicKey}"`)).code).toBe(
    'signature-invalid',
  );
  expect(calls).not.toContain('POST /validate/job');
});

it.each([
  ['sign_key = "nothing.key"', 'sign-key-invalid'],
  ['public_key = "nothing.pub"', 'public-key-invalid'],
])('says before anything is bundled what is wrong with %s', async (keys, expected) => {
  const { code } = await up(keys);
  expect([code, await readdir(cwd), calls]).toEqual([expected, expect.not.arrayContaining(['cache']), []]);
});
