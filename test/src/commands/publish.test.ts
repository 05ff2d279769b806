import { readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { noCache } from '../../../bundler/cache/record-cache.ts';
import { writeBundle } from '../../../bundler/executable.ts';
import { runDeploy } from '../../../src/commands/deploy/deploy.ts';
import type { DeployFlags } from '../../../src/commands/deploy/deploy-flags.ts';
import { runPrune } from '../../../src/commands/prune.ts';
import { runPublish } from '../../../src/commands/publish/publish.ts';
import { runReleases } from '../../../src/commands/releases.ts';
import { sha256Hex } from '../../../src/core/digest.ts';
import { silentReporter } from '../../../src/core/reporter.ts';
import type { Bundle } from '../../../src/core/types.ts';
import { openDirectoryStore } from '../../../src/publish/directory/store.ts';
import { recordRelease } from '../../../src/publish/releases/store.ts';
import { closureOf, writeTree } from '../../helpers/closures.ts';
import { testContext } from '../../helpers/context.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';
import { failureOf } from '../publish/failure.ts';
import { otherPublicKey, plainSecretKey, publicKey } from '../publish/provenance/keys.ts';
import { sampleRelease } from '../publish/releases/sample.ts';

const golden = fileURLToPath(new URL('../../fixtures/format/golden.bundle', import.meta.url));

/** Bundles a tiny app into `<cwd>/app`. */
async function bundleApp(cwd: string): Promise<Bundle> {
  const directory = join(cwd, 'tree');
  await writeTree(directory, { 'bin/app': { executable: '#!/bin/sh\necho hello\n' } });
  return writeBundle(closureOf([{ name: 'app-1.0', letter: 'c', directory }], 'bin/app'), {
    output: join(cwd, 'app'),
    force: false,
    toolVersion: '9.9.9',
    runtime: Buffer.from('#!/bin/false\nstands where the runtime would\n'),
    runtimeOptions: true,
    compression: { level: 3, frameBytes: 1 << 16 },
    jobs: 1,
    cache: noCache,
    signal: new AbortController().signal,
    reporter: silentReporter,
  });
}

describe('runPublish with a bundle', () => {
  it('puts it into the folder and prints the source that saddlebag serve will answer', async () => {
    const cwd = await temporaryDirectory();
    const bundle = await bundleApp(cwd);
    const context = testContext({ cwd });
    const result = await runPublish({ bundle: 'app', flags: { to: 'store' } }, context);
    const key = `app/${bundle.sha256}/app-1.0-x86_64`;
    expect(result.text).toBe(`http://127.0.0.1:8000/${key}?archive=false&checksum=sha256:${bundle.sha256}`);
    expect(result.json).toMatchObject({ version: 1, name: 'app', source: result.text });
    expect(result.exitCode).toBe(0);
    expect(await readFile(join(cwd, 'store', key))).toEqual(await readFile(bundle.file));
    expect(context.events).toContainEqual({
      kind: 'warning',
      stage: 'publish',
      code: 'download-url-assumed',
      message: `the URL is that of \`saddlebag serve ${join(cwd, 'store')}\` on this machine: http://127.0.0.1:8000`,
      hint: 'pass --download-url with the address that clients use',
    });
  });

  it('lists it among the releases of its name, which deploy and releases find', async () => {
    const cwd = await temporaryDirectory();
    const { sha256 } = await bundleApp(cwd);
    const env = { SADDLEBAG_STORE: 'store', GITHUB_ACTOR: 'robot', GITHUB_SHA: 'ab'.repeat(20), USER: 'me' };
    const context = testContext({ cwd, env });
    const { json } = await runPublish({ bundle: 'app', flags: {} }, context);
    const list = await runReleases({ name: 'app', flags: {} }, context);
    expect(list.json).toMatchObject({
      version: 1,
      name: 'app',
      serial: 1,
      releases: [{ artifact: json, publishedBy: 'robot', revision: 'ab'.repeat(20), labels: {} }],
    });
    const [header, line] = list.text.split('\n');
    expect(header).toMatch(/^VERSION +ARCH +SIZE +PUBLISHED +BY +REVISION +CHECKSUM +LABELS$/);
    expect(line).toContain(` robot  ${'ab'.repeat(6)}  sha256:${sha256.slice(0, 12)}  -`);
    const deploy = (artifact: string, flags: DeployFlags = {}) =>
      runDeploy({ artifact, flags: { dryRun: true, ...flags }, readStdin: async () => '' }, context);
    // A file of the first name is there: the bundle.
    expect((await deploy('app')).text).toContain(`checksum = "sha256:${sha256}"`);
    for (const reference of ['app', 'app@1.0', `app@sha256:${sha256}`]) {
      const { text } = await deploy(reference, { from: 'store' });
      expect(text).toContain(`checksum = "sha256:${sha256}"`);
    }
    await expect(deploy('app@2.0', { from: 'store' })).rejects.toMatchObject({ code: 'release-unknown' });
    await expect(deploy('app', { from: 'store', arch: 'aarch64' })).rejects.toMatchObject({
      code: 'release-ambiguous',
      message: 'cannot choose app: it is there for x86_64, not for aarch64',
    });
  });

  it('serves several targets, and says which of them failed', async () => {
    const cwd = await temporaryDirectory();
    const { sha256 } = await bundleApp(cwd);
    await writeFile(join(cwd, 'file'), '');
    const context = testContext({ cwd });
    const flags = { to: ['one', 'file/below', 'two'], label: ['team=web'] };
    const result = await runPublish({ bundle: 'app', flags }, context);
    expect(result.exitCode).toBe(1);
    expect(result.text.split('\n')).toHaveLength(2);
    expect(result.json).toMatchObject({
      version: 1,
      results: [
        { to: 'one', artifact: { checksum: `sha256:${sha256}` } },
        { to: 'file/below', error: { code: 'store-failed' } },
        { to: 'two', artifact: { checksum: `sha256:${sha256}` } },
      ],
    });
    const { json } = await runReleases({ name: 'app', flags: { from: 'two' } }, context);
    expect(json).toMatchObject({ releases: [{ labels: { team: 'web' } }] });
    const flagsOfS3 = { sse: 'AES256', presign: '1h' } as const;
    const dryRun = { to: ['one', 'two'], dryRun: true, ...flagsOfS3 };
    const again = await runPublish({ bundle: 'app', flags: dryRun }, context);
    expect(again.exitCode).toBe(0);
    expect(again.json).toMatchObject({
      results: [
        { to: 'one', artifact: { sendBytes: 0 } },
        { to: 'two', artifact: { sendBytes: 0 } },
      ],
    });
  });

  it.each([
    [{ presign: '1h' }, 'presign-invalid'],
    [{ sse: 'AES256' }, 'flag-unused'],
  ] as const)('refuses %o for a folder', async (flags, code) => {
    const cwd = await temporaryDirectory();
    await bundleApp(cwd);
    const run = runPublish({ bundle: 'app', flags: { to: 'store', ...flags } }, testContext({ cwd }));
    expect((await failureOf(run)).code).toBe(code);
    expect(await readdir(cwd)).not.toContain('store');
  });

  it('signs it, tells what it was made of, and deploys only what is signed', async () => {
    const cwd = await temporaryDirectory();
    const { sha256 } = await bundleApp(cwd);
    await writeFile(join(cwd, 'a.key'), plainSecretKey);
    const env = { SADDLEBAG_STORE: 'store', SADDLEBAG_REVISION: 'ab12' };
    const context = testContext({ cwd, env });
    const { json } = await runPublish({ bundle: 'app', flags: { signKey: 'a.key' } }, context);
    const directory = join(cwd, 'store', 'app', sha256);
    const file = 'app-1.0-x86_64';
    expect((await readdir(directory)).sort()).toEqual(
      ['', '.cdx.json', '.minisig', '.provenance.json', '.sha256'].map((suffix) => file + suffix),
    );
    expect(json).toMatchObject({ signature: await readFile(join(directory, `${file}.minisig`), 'utf8') });
    const provenance = JSON.parse(await readFile(join(directory, `${file}.provenance.json`), 'utf8'));
    expect(provenance).toMatchObject({ sha256, revision: 'ab12', toolVersion: '9.9.9' });
    const deploy = (publicKeyGiven: string) =>
      runDeploy(
        {
          artifact: 'app',
          flags: { dryRun: true, from: 'store', publicKey: publicKeyGiven },
          readStdin: async () => '',
        },
        context,
      );
    expect((await deploy(publicKey)).text).toContain(`sha256:${sha256}`);
    await expect(deploy(otherPublicKey)).rejects.toMatchObject({ code: 'signature-invalid' });
    await expect(deploy('')).rejects.toMatchObject({ code: 'public-key-invalid', exitCode: 2 });
    await expect(deploy('nowhere.pub')).rejects.toMatchObject({ code: 'public-key-invalid', exitCode: 2 });
  });

  it('prunes it once it is told that nobody is to be asked', async () => {
    const cwd = await temporaryDirectory();
    await bundleApp(cwd);
    const context = testContext({ cwd, env: { SADDLEBAG_STORE: 'store' } });
    await runPublish({ bundle: 'app', flags: {} }, context);
    const place = { store: openDirectoryStore(join(cwd, 'store')), prefix: '', name: 'app' };
    await recordRelease(place, sampleRelease('2.0', { name: 'app' }), context);
    const prune = (flags: object) => runPrune({ name: 'app', flags: { keep: 1, ...flags } }, context);
    const planned = await prune({});
    expect(planned.text).toMatch(
      /^would remove app@1.0 x86_64 sha256:[0-9a-f]{12} of [0-9-]{10}\nwould remove 1 of 2, /,
    );
    expect(planned.json).toMatchObject({ deleted: false, nomadAsked: false, kept: [{ reason: 'last' }] });
    await expect(prune({ delete: true })).rejects.toMatchObject({ code: 'nomad-unasked', exitCode: 2 });
    await expect(prune({ olderThan: 'x' })).rejects.toMatchObject({ code: 'prune-invalid' });
    expect((await prune({ olderThan: '1d', delete: true, nomad: false })).json).toMatchObject({
      removed: [],
    });
    const done = await prune({ delete: true, nomad: false });
    expect(done.json).toMatchObject({ deleted: true, removed: [{ artifact: { appVersion: '1.0' } }] });
    expect(await readdir(join(cwd, 'store', 'app'))).toEqual(['latest.json', 'releases.json']);
  });

  it('says that no store is named', async () => {
    const run = runReleases({ name: 'app', flags: {} }, testContext());
    expect((await failureOf(run)).message).toBe(
      'cannot find a store: neither --from nor SADDLEBAG_STORE is set',
    );
  });

  it('takes the JSON that describes it, wherever it lies', async () => {
    const cwd = await temporaryDirectory();
    const bundle = await bundleApp(cwd);
    const description = join(await temporaryDirectory(), 'bundle.json');
    await writeFile(description, JSON.stringify(bundle));
    const input = { bundle: description, flags: { to: 'store' } };
    const { text } = await runPublish(input, testContext({ cwd }));
    expect(text).toContain(`/app/${bundle.sha256}/app-1.0-x86_64?`);
  });

  it('refuses a JSON that describes another bundle than the one there', async () => {
    const cwd = await temporaryDirectory();
    const bundle = await bundleApp(cwd);
    await writeFile(join(cwd, 'bundle.json'), JSON.stringify({ ...bundle, sha256: 'ab'.repeat(32) }));
    const input = { bundle: 'bundle.json', flags: { to: 'store' } };
    const failure = await failureOf(runPublish(input, testContext({ cwd })));
    expect(failure.code).toBe('file-changed');
    expect(failure.message).toBe(
      `cannot publish ${bundle.file}: it is not the bundle that ${join(cwd, 'bundle.json')} describes`,
    );
  });

  it('says with --dry-run what it would send, and sends nothing', async () => {
    const cwd = await temporaryDirectory();
    const { sha256, sizeBytes } = await bundleApp(cwd);
    const dry = { bundle: 'app', flags: { to: 'store', dryRun: true } };
    const place = join(cwd, 'store', 'app', sha256, 'app-1.0-x86_64');
    const before = await runPublish(dry, testContext({ cwd }));
    expect(before.text).toMatch(new RegExp(`^to send to ${place}: [0-9.]+ k?B$`));
    expect(before.json).toMatchObject({ version: 1, sendBytes: sizeBytes });
    expect(await readdir(cwd)).not.toContain('store');
    await runPublish({ bundle: 'app', flags: { to: 'store' } }, testContext({ cwd }));
    const after = await runPublish(dry, testContext({ cwd }));
    expect(after.text).toBe(`nothing to send: ${place} is there`);
    expect(after.json).toMatchObject({ sendBytes: 0 });
  });

  it('refuses one that is cut off, and writes nothing', async () => {
    const cwd = await temporaryDirectory();
    const { file, sizeBytes } = await bundleApp(cwd);
    await truncate(file, sizeBytes - 1);
    const run = runPublish({ bundle: 'app', flags: { to: 'store' } }, testContext({ cwd }));
    expect((await failureOf(run)).code).toBe('not-a-bundle');
    expect(await readdir(cwd)).not.toContain('store');
  });

  it.each([
    ['one that has a digest of its bytes', undefined],
    ['one of before there was such a digest', golden],
  ])('refuses %s where any of them is another, and writes nothing', async (_, older) => {
    const cwd = await temporaryDirectory();
    const good = await readFile(older ?? (await bundleApp(cwd)).file);
    const run = () =>
      runPublish({ bundle: 'app', flags: { to: 'store', dryRun: true } }, testContext({ cwd }));
    await writeFile(join(cwd, 'app'), good);
    expect((await run()).json).toMatchObject({ checksum: `sha256:${sha256Hex(good)}` });
    // But in the trailer, which says that it is a bundle.
    for (let at = 0; at < good.length - 72; at += 101) {
      const bytes = Buffer.from(good);
      bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
      await writeFile(join(cwd, 'app'), bytes);
      expect((await failureOf(run())).code, `byte ${at}`).toBe('bundle-damaged');
    }
    expect(await readdir(cwd)).not.toContain('store');
  });
});
