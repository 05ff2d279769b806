import {
  chmod,
  chown,
  mkdir,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { describeWith } from '../../helpers/needs.ts';
import { appBase, makeBundle, nobody, ownDirectory, start, startChild, withCache } from './bundles.ts';
import { debug, dropRights, inMounts, machineTools } from './machine.ts';
import { foreign, linkOf, own, relocate, startRelocated, store } from './relocated.ts';

describe('a relocated closure', () => {
  it('names its own store paths, and only those, by the link', async () => {
    const here = '"$(dirname "$0")/..';
    const bundle = await makeBundle(
      `cat ${here}/data"; readlink ${here}/link"; echo "$0 $*"; echo "$A"; pwd`,
      {
        members: { data: `<${own}/data>\n`, link: { link: `${own}/data` } },
        args: [`--data=${own}/data`],
        env: { A: `${own}/a:${own}/b:${foreign}` },
      },
    );
    const { stdout, stderr, link } = await startRelocated(bundle);
    expect(link).toMatch(/^\/tmp\/[0-9A-Za-z]{5}$/);
    const moved = `${link}/${appBase}`;
    expect(stdout.split('\n')).toEqual([
      `<${moved}/data>`,
      `${moved}/data`,
      `${moved}/bin/app --data=${moved}/data`,
      `${moved}/a:${moved}/b:${foreign}`,
      '/',
      '',
    ]);
    expect(stderr).toBe('');
  });

  it('starts in its working directory and at its other programs', async () => {
    const bundle = await makeBundle('', {
      members: { other: { executable: '#!/bin/sh\npwd; echo "$0"\n' } },
      closure: { programs: [{ name: 'other', program: `${own}/other` }] },
      entrypoint: { workingDirectory: `${own}/bin` },
    });
    const { stdout, link } = await startRelocated(bundle, { argv0: 'other' });
    const physical = await readlink(link);
    expect(stdout).toBe(`${physical}/${appBase}/bin\n${link}/${appBase}/other\n`);
  });
});

describe('rewriting', () => {
  /** Bundles one file, relocates it and returns it as it lies in the store. */
  async function relocateFile(content: Buffer, frameBytes?: number) {
    const bundle = await makeBundle('', {
      members: { content },
      ...(frameBytes === undefined ? {} : { frameBytes }),
    });
    const { link } = await startRelocated(bundle);
    const file = join(link, appBase, 'content');
    return { link, file, content: await readFile(file) };
  }

  const moved = (content: Buffer, link: string) =>
    Buffer.from(
      content.toString('latin1').replaceAll(`${store}/${'c'.repeat(32)}`, `${link}/${'c'.repeat(32)}`),
      'latin1',
    );

  it.each([
    ['two frames', 43, 4096],
    ['frames hardly longer than a match', 43, 512],
  ])('finds what straddles the border of %s, at every offset', async (_, matchBytes, frameBytes) => {
    const content = Buffer.alloc(frameBytes * (matchBytes + 4), '/nix/store/');
    // A frame ends at a multiple of its size from where the header of the file begins.
    for (let offset = 0; offset <= matchBytes; offset++) {
      content.write(`${own}`, frameBytes * (offset + 2) - 512 - offset, 'latin1');
    }
    const result = await relocateFile(content, frameBytes);
    expect(result.content.equals(content)).toBe(false);
    expect(result.content.equals(moved(content, result.link))).toBe(true);
  });

  it('is not led astray by what looks like a beginning', async () => {
    const hash = 'c'.repeat(32);
    const lines = [
      `/nix/store${own}`,
      `/n${own}`,
      `/nix/st${own}`,
      `/nix/store/${own}`,
      `/nix/store/nix/store/nix/store/${hash}`,
      `${own}${own}${own}`,
      `${store}/${'c'.repeat(31)}f-app`,
      `${store}/${'C'.repeat(32)}-app`,
      foreign,
      `${store}/${hash.slice(28)}`,
    ];
    const content = Buffer.from(lines.join('\n'));
    const result = await relocateFile(content);
    expect(result.content.toString()).toBe(moved(content, result.link).toString());
    expect(result.content.toString()).toContain(`\n${lines.at(-1)}`);
  });

  it('leaves holes where they were', async () => {
    const content = Buffer.alloc(4 << 20);
    content.write(own, 2 << 20);
    const result = await relocateFile(content, 1 << 16);
    expect(result.content.equals(moved(content, result.link))).toBe(true);
    expect((await stat(result.file)).blocks * 512).toBeLessThan(1 << 16);
  });
});

describe('relocation is refused', () => {
  it('where something is absent that only a mount could bring', async () => {
    const bind = (target: string, source = own) => ({ source, target, policy: 'where-absent' }) as const;
    const met = [bind('/etc'), bind('/no/where', '/no/source')];
    const fine = await makeBundle('echo ok', { closure: { binds: met } });
    expect(await startRelocated(fine)).toMatchObject({ stdout: 'ok\n' });
    const bundle = await makeBundle('echo never', { closure: { binds: [bind('/etc'), bind('/no/where')] } });
    expect(await start(bundle, { env: relocate })).toMatchObject({
      code: 125,
      stderr:
        'app: cannot start: no way to put the closure at /nix/store works here\n' +
        '  relocate: cannot provide /no/where: it takes a mount\n' +
        'hint: SADDLEBAG_STRATEGY allows no other; unset it to have all tried\n',
    });
    expect(await readdir(bundle.cache)).toEqual([]);
  });
});

describeWith(machineTools, 'relocation on a machine that is made for the test', () => {
  const ambient = ['--inh-caps', '+net_bind_service', '--ambient-caps', '+net_bind_service'];

  it('is what is left where user namespaces are forbidden', async () => {
    const bundle = await makeBundle('echo "$0"');
    const outcome = await startChild('/usr/bin/unshare', {
      ...withCache(bundle, { env: { ...debug, SADDLEBAG_STRATEGY: '' } }),
      args: [
        ...['--user', '--map-current-user', '--keep-caps', '/bin/sh', '-euc'],
        // The limit is one of the namespace around it, so this machine's own stays as it is.
        `echo 0 > /proc/sys/user/max_user_namespaces
        exec setpriv --ambient-caps -all --inh-caps -all ${bundle.file}`,
      ],
    }).outcome;
    expect(outcome.stdout).toBe(`${await linkOf(bundle.cache)}/${appBase}/bin/app\n`);
    expect(outcome.stderr).toContain('app: namespace: refused: a user namespace: no space left on device\n');
    expect(outcome.stderr).toMatch(/\napp: relocate: taken\n$/);
  });

  it('keeps ambient capabilities, which a user namespace would take', async () => {
    const bundle = await makeBundle('grep CapAmb /proc/self/status');
    const outcome = await startChild('/usr/bin/setpriv', {
      ...withCache(bundle, { env: { SADDLEBAG_STRATEGY: '' } }),
      args: ['--reuid', '65534', '--regid', '65534', '--clear-groups', ...ambient, bundle.file],
      asSelf: true,
    }).outcome;
    expect(outcome).toMatchObject({ code: 0, stdout: 'CapAmb:\t0000000000000400\n', stderr: '' });
  });

  it('needs no /proc', async () => {
    const bundle = await makeBundle('echo "$0"; ls /proc');
    const script = `mount -t tmpfs none /proc; exec ${dropRights} ${bundle.file}`;
    for (const known of ['extracted', 'complete']) {
      const outcome = await inMounts(bundle, script, { ...debug, SADDLEBAG_STRATEGY: '' });
      expect(outcome.stdout).toBe(`${await linkOf(bundle.cache)}/${appBase}/bin/app\n`);
      expect(outcome.stderr).toContain(`: ${known}\n`);
      expect(outcome.stderr).toMatch(/\napp: relocate: taken\n$/);
    }
  });

  it.each([
    ['read-only', 'mount -t tmpfs -o ro none /tmp', /^\/var\/tmp\/[0-9A-Za-z]$/],
    ['mounted nosymfollow', 'mount -t tmpfs -o nosymfollow,mode=1777 none /tmp', /^\/var\/tmp\/[0-9A-Za-z]$/],
    ['of another user', 'mount -t tmpfs -o uid=4242,mode=1777 none /tmp', /^\/var\/tmp\/[0-9A-Za-z]$/],
    [
      'open to others without being sticky',
      'mount -t tmpfs -o mode=0777 none /tmp',
      /^\/var\/tmp\/[0-9A-Za-z]$/,
    ],
  ])('puts its link elsewhere where /tmp is %s', async (_, mount, link) => {
    const bundle = await makeBundle('echo "$0"');
    // The cache is seen below another name, for it lies in /tmp itself.
    const script = `mkdir -p /mnt; mount --bind ${bundle.directory} /mnt; ${mount}
      export SADDLEBAG_CACHE_DIR=/mnt/cache; exec ${dropRights} /mnt/app`;
    const outcome = await inMounts(bundle, script, relocate);
    expect(outcome, outcome.stderr).toMatchObject({ code: 0 });
    const made = await linkOf(bundle.cache);
    onTestFinished(() => rm(made));
    expect(made).toMatch(link);
  });

  it('says what it needs where no link can be made', async () => {
    const bundle = await makeBundle('echo never');
    const script = `mkdir -p /mnt; mount --bind ${bundle.directory} /mnt
      for at in /tmp /var/tmp; do mount -t tmpfs -o ro none $at; done
      export SADDLEBAG_CACHE_DIR=/mnt/cache NOMAD_ALLOC_DIR=; exec ${dropRights} /mnt/app`;
    const outcome = await inMounts(bundle, script, relocate);
    expect(outcome).toMatchObject({ code: 125, stdout: '' });
    expect(outcome.stderr).toContain(' (a link /tmp/XXXXX: read-only file system; ');
  });

  it('of root serves the user that the app becomes', async () => {
    const bundle = await makeBundle(`${dropRights} sh -c 'id -u; cat "$0"' "$0"`);
    await chown(bundle.cache, 0, 0);
    const { stdout, link } = await startRelocated(bundle, { asSelf: true });
    expect(link).toMatch(/^\/run\/[0-9A-Za-z]{5}$/);
    expect(stdout).toMatch(/^65534\n#!\/bin\/sh\n/);
    // Where it could not get in, the place is passed over.
    const closed = join(bundle.directory, 'closed');
    await mkdir(join(closed, 'cache'), { recursive: true, mode: 0o700 });
    await chown(bundle.spare, 0, 0);
    await chmod(bundle.spare, 0o755);
    const next = await start(bundle, {
      asSelf: true,
      env: { ...relocate, ...debug, SADDLEBAG_CACHE_DIR: join(closed, 'cache') },
    });
    expect(next.stderr).toContain('/closed/cache: refused: ');
    expect(next).toMatchObject({ code: 0, stdout });
  });

  it('is not fooled by the link of another user', async () => {
    const bundle = await makeBundle('echo "$0"');
    const { link } = await startRelocated(bundle);
    const evil = await ownDirectory(bundle.directory, 'evil');
    await mkdir(join(evil, appBase, 'bin'), { recursive: true });
    await writeFile(join(evil, appBase, 'bin', 'app'), '#!/bin/sh\necho evil\n', { mode: 0o755 });
    onTestFinished(() => rm(link, { force: true }));
    // To the right directory first, then to a wrong one.
    for (const target of [await readlink(link), evil]) {
      await rm(link, { force: true });
      await symlink(target, link);
      const outcome = await startRelocated(bundle);
      expect(outcome.stdout).toBe(`${outcome.link}/${appBase}/bin/app\n`);
      expect(outcome.link).not.toBe(link);
    }
    expect(nobody.uid).toBe(65534);
  });
});
