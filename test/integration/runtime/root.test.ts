import { lstat, mkdir, readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { execProcess } from '../../../src/core/exec.ts';
import type { Bind } from '../../../src/core/types.ts';
import { fakeStorePath, type Member } from '../../helpers/closures.ts';
import { describeWith } from '../../helpers/needs.ts';
import { appBase, makeBundle, nobody, ownDirectory, start } from './bundles.ts';
import { fuseTools, startLazy } from './fuse.ts';
import { debug, dropRights, inMounts, machineTools } from './machine.ts';
import { isSanitized } from './under-test.ts';

/** Programs of this machine with their libraries, at the paths where their loader looks for them. */
async function programs(...names: readonly string[]): Promise<Readonly<Record<string, Member>>> {
  const members: Record<string, Member> = {};
  for (const name of names) {
    const found = (await execProcess('which', [name])).stdout;
    members[`bin/${basename(found)}`] = { executable: await readFile(found) };
    const { stdout } = await execProcess('ldd', [found]);
    for (const [path] of stdout.matchAll(/\/\S+/g))
      members[path.slice(1)] = { executable: await readFile(path) };
  }
  return members;
}

let commonTools: Promise<Readonly<Record<string, Member>>> | undefined;

/** Bundles an image: a few programs, /etc, and what a test adds; its script is the image's /bin/app. */
async function makeImage(
  script: string,
  options: {
    readonly members?: Readonly<Record<string, Member>>;
    readonly binds?: readonly Bind[];
  } = {},
) {
  commonTools ??= programs('sh', 'ls', 'cat', 'touch', 'rm', 'readlink', 'mkdir');
  const members = {
    ...(await commonTools),
    'etc/image': 'image\n',
    'var/lib/data': 'given\n',
    'root/': '',
    ...options.members,
  };
  const bundle = await makeBundle(script, {
    members,
    closure: { root: fakeStorePath('app-1.0', 'c'), binds: options.binds ?? [] },
  });
  return bundle;
}

describe('the root of an image', () => {
  it('is the store path, with what an app needs of the host', async () => {
    const bundle = await makeImage('echo /*; cat /etc/image /etc/hostname; readlink /proc/$$/exe; echo "$0"');
    const outcome = await start(bundle, { args: ['x'] });
    expect(outcome.stderr).toBe('');
    const entries = (outcome.stdout.split('\n')[0] ?? '').split(' ');
    expect(entries).toEqual(
      expect.arrayContaining(['/bin', '/dev', '/etc', '/nix', '/proc', '/sys', '/tmp', '/var']),
    );
    expect(entries).not.toContain('/usr/share');
    expect(outcome.stdout).toContain(`\nimage\n${hostname()}\n`);
    expect(outcome.stdout).toMatch(/\/bin\/(da)?sh\n\/bin\/app\n$/);
  });

  it('can be written to, and forgets it', async () => {
    const script = `cat /var/lib/data; echo new > /var/lib/data; mkdir /var/cache; rm /etc/image
      touch /bin/added && cat /var/lib/data; ls -d /var/cache /etc/image; touch /nix/store/${appBase}/x || echo closed`;
    const bundle = await makeImage(script);
    for (let round = 0; round < 2; round++) {
      const outcome = await start(bundle);
      expect(outcome.stdout).toBe('given\nnew\n/var/cache\nclosed\n');
      expect(outcome.stderr).toMatch(/\/etc\/image.*\n.*\/nix\/store\/.*\n$/);
    }
  });

  it('gives way to binds, from the host and from the closure', async () => {
    const { spare } = await makeImage('');
    await writeFile(join(spare, 'file'), 'host\n');
    const bundle = await makeImage('cat /data/file /etc/image /etc/link; ls /opt', {
      members: { 'etc/link': { link: '/var/lib/data' } },
      binds: [
        { source: spare, target: '/data', policy: 'always' },
        { source: `/nix/store/${appBase}/var/lib/data`, target: '/etc/image', policy: 'always' },
        { source: join(spare, 'file'), target: '/etc/link', policy: 'always' },
        { source: '/no/such/place', target: '/opt/none', policy: 'where-absent' },
      ],
    });
    expect(await start(bundle)).toMatchObject({ stdout: 'host\ngiven\nhost\n' });
  });

  it('has the working directory of the caller where the image has none', async () => {
    const { directory } = await makeImage('');
    await mkdir(join(directory, 'work'));
    await writeFile(join(directory, 'work', 'file'), 'here\n');
    const bundle = await makeImage('pwd; cat file');
    expect((await start(bundle, { cwd: join(directory, 'work') })).stdout).toBe(`${directory}/work\nhere\n`);
    const inside = await makeImage('pwd; ls -A');
    expect((await start(inside, { cwd: '/etc' })).stdout).toMatch(/^\/etc\n(.*\n)*image\n/);
  });

  it('has the directories of a Nomad task', async () => {
    const bundle = await makeImage('cat "$NOMAD_TASK_DIR/file"; echo done > "$NOMAD_ALLOC_DIR/result"');
    const task = await ownDirectory(bundle.directory, 'task');
    await writeFile(join(task, 'file'), 'task\n');
    const env = { NOMAD_TASK_DIR: task, NOMAD_ALLOC_DIR: bundle.spare };
    expect(await start(bundle, { env })).toMatchObject({ code: 0, stdout: 'task\n' });
    expect(await readFile(join(bundle.spare, 'result'), 'utf8')).toBe('done\n');
  });

  // The image has no libraries of the sanitizers.
  it.skipIf(isSanitized)('lets the app make namespaces of its own, and start the bundle again', async () => {
    const tools = await programs('unshare', 'id');
    const bundle = await makeImage('unshare -Ur id -u; [ $# = 0 ] || "$@"', { members: tools });
    const outcome = await start(bundle, { args: [bundle.file], cwd: bundle.directory });
    expect(outcome).toMatchObject({ code: 0, stdout: '0\n0\n' });
  });

  it('takes a strategy that can mount', async () => {
    const bundle = await makeImage('echo started');
    const outcome = await start(bundle, { env: { ...debug, SADDLEBAG_STRATEGY: '' } });
    expect(outcome.stdout).toBe('started\n');
    expect(outcome.stderr).toContain(
      'app: in-place: refused: the image’s root: it takes a mount\n'.replace('’', "'"),
    );
  });

  it('leaves the tree in the cache to its owner to change, and the host without a trace', async () => {
    const bundle = await makeImage('mkdir /saddlebag-test');
    expect(await start(bundle)).toMatchObject({ code: 0 });
    const tree = join(bundle.cache, 'store', appBase);
    const { mode, uid } = await lstat(join(tree, 'var/lib/data'));
    expect(mode & 0o7777).toBe(0o644);
    expect(uid).toBe(nobody.uid ?? process.getuid?.());
    expect((await lstat(join(tree, 'var/lib'))).mode & 0o7777).toBe(0o755);
    await expect(lstat('/saddlebag-test')).rejects.toThrow('ENOENT');
    await expect(lstat(join(tree, 'saddlebag-test'))).rejects.toThrow('ENOENT');
  });
});

describeWith(fuseTools, 'the root of an image, served lazily', () => {
  it('is the same', async () => {
    const bundle = await makeImage('cat /etc/image; echo new > /var/lib/data && cat /var/lib/data');
    const { outcome } = await startLazy(bundle);
    expect(await outcome).toMatchObject({ code: 0, stdout: 'image\nnew\n', stderr: '' });
  });
});

describeWith(['root'], 'the root of an image as root', () => {
  it('takes no user namespace', async () => {
    const bundle = await makeImage('cat /proc/self/uid_map /etc/image; touch /bin/x && echo written');
    const env = { SADDLEBAG_CACHE_DIR: join(bundle.directory, 'own') };
    const outcome = await start(bundle, { asSelf: true, env });
    expect(outcome.stdout).toBe(`${await readFile('/proc/self/uid_map', 'utf8')}image\nwritten\n`);
  });
});

describeWith(machineTools, 'the root of an image without overlays', () => {
  it('is read-only, and has what an app needs all the same', async () => {
    const script =
      'cat /etc/image /etc/hosts /data/file; pwd; touch /etc/x /x; ls -d /dev/null /etc/resolv.conf';
    const binds = [{ source: `/nix/store/${appBase}/var/lib`, target: '/data', policy: 'always' as const }];
    const bundle = await makeImage(script, { binds, members: { 'var/lib/file': 'ours\n' } });
    const place = join(bundle.directory, 'place');
    await mkdir(place);
    // Overlays stack two deep: of a cache on the second the kernel makes no third.
    const stack = `mount -t tmpfs none ${place}; cd ${place}; mkdir a b c d e f one two
      mount -t overlay none -o lowerdir=a,upperdir=b,workdir=c one
      mount -t overlay none -o lowerdir=one,upperdir=d,workdir=e two
      mkdir two/cache; chown 65534:65534 two/cache; chmod 700 two/cache; cd /var`;
    const env = { ...debug, SADDLEBAG_CACHE_DIR: join(place, 'two', 'cache') };
    const outcome = await inMounts(bundle, `${stack}; exec ${dropRights} ${bundle.file}`, env);
    const hosts = await readFile('/etc/hosts', 'utf8');
    expect(outcome.stdout).toBe(`image\n${hosts}ours\n/var\n/dev/null\n/etc/resolv.conf\n`);
    expect(outcome.stderr).toMatch(/: read-only, for the kernel has no overlay for us\n/);
    expect(outcome.stderr.match(/Read-only file system/g)).toHaveLength(2);
  });
});
