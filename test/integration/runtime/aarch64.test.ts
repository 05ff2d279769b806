import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readRuntime } from '../../../bundler/runtime-file.ts';
import { describeWith, findTool } from '../../helpers/needs.ts';
import { appBase, makeBundle, start, startChild, withCache } from './bundles.ts';
import { debug, dropRights, inMounts, machineTools } from './machine.ts';

/** Runs a bundle's runtime under QEMU, which translates the processor and leaves the kernel as it is. */
function emulate(file: string, options: Parameters<typeof startChild>[1] = {}) {
  return startChild(findTool('qemu-aarch64') ?? '', {
    ...options,
    args: [file, ...(options.args ?? [])],
  }).outcome;
}

describeWith(['qemu-aarch64'], 'the aarch64 runtime', () => {
  it('reads its own bundle', async () => {
    const bundle = await makeBundle('', { arch: 'aarch64' });
    const outcome = await emulate(bundle.file, { args: ['--saddlebag-info'] });
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(outcome.stdout)).toMatchObject({
      arch: 'aarch64',
      entrypoint: `/nix/store/${appBase}/bin/app`,
    });
  });

  it('says why it can’t start', async () => {
    const bundle = await makeBundle('', { arch: 'aarch64' });
    const env = { SADDLEBAG_STRATEGY: 'native' };
    const outcome = await emulate(bundle.file, withCache(bundle, { env }));
    expect(outcome.code).toBe(125);
    expect(outcome.stderr).toMatch(/^app: cannot start: .+\n {2}native: cannot use .+\nhint: .+\n$/);
  });
});

const members = {
  'bin/tool': { executable: 'tool'.repeat(10_000) },
  'lib/data': 'data\n'.repeat(20_000),
  'lib/empty/': '',
  'lib/link': { link: 'data' },
  'lib/same': 'data\n'.repeat(20_000),
};

/** What stands in a tree below a directory: paths with modes, sizes and where links lead. */
async function listTree(directory: string): Promise<string> {
  const args = ['-c', 'cd "$0" && find . -printf "%P %m %s %l\\n" | LC_ALL=C sort', directory];
  return (await startChild('/bin/sh', { args }).outcome).stdout;
}

describeWith(['qemu-aarch64'], 'the options of the aarch64 runtime', () => {
  const makeBoth = async () => ({
    foreign: await makeBundle('', { arch: 'aarch64', members, frameBytes: 1 << 14 }),
    own: await makeBundle('', { members, frameBytes: 1 << 14 }),
  });

  it('list and extract what those of this machine do', async () => {
    const { foreign, own } = await makeBoth();
    const listed = await emulate(foreign.file, { args: ['--saddlebag-list'] });
    expect(listed).toMatchObject({ code: 0, stderr: '' });
    expect(listed.stdout).toBe((await start(own, { args: ['--saddlebag-list'] })).stdout);
    const trees = [join(foreign.spare, 'new'), join(own.spare, 'new')] as const;
    await emulate(foreign.file, { args: ['--saddlebag-extract', trees[0]], env: { SADDLEBAG_JOBS: '3' } });
    await start(own, { args: ['--saddlebag-extract', trees[1]] });
    expect(await listTree(trees[0])).toBe(await listTree(trees[1]));
    const data = await readFile(join(trees[0], 'nix/store', appBase, 'lib/data'), 'utf8');
    expect(data).toBe(members['lib/data']);
  });

  it('verify the bundle, and find a changed byte', async () => {
    const { foreign } = await makeBoth();
    const options = { args: ['--saddlebag-verify'], env: { HOME: '/nonexistent' } };
    expect(await emulate(foreign.file, options)).toMatchObject({
      code: 0,
      stdout: 'app: sound\n',
      stderr: '',
    });
    const bytes = await readFile(foreign.file);
    const frame = bytes.indexOf(Buffer.from([0x28, 0xb5, 0x2f, 0xfd]), (await readRuntime('aarch64')).length);
    bytes.writeUInt8(bytes.readUInt8(frame + 20) ^ 1, frame + 20);
    await writeFile(foreign.file, bytes);
    const outcome = await emulate(foreign.file, options);
    expect(outcome).toMatchObject({ code: 125, stdout: '' });
    expect(outcome.stderr).toMatch(/^app: cannot read .+: damaged \(.+\)\n/);
  });
});

describeWith(['qemu-aarch64', ...machineTools], 'the aarch64 runtime where Nix has the closure', () => {
  it('starts it from there', async () => {
    const bundle = await makeBundle('echo "$0"', { arch: 'aarch64' });
    const place = join(bundle.spare, 'new');
    await emulate(bundle.file, { args: ['--saddlebag-extract', place] });
    const script = `mkdir -p /nix/store; mount -t tmpfs test /nix/store; cp -a ${place}/nix/store/. /nix/store/
      chown -R 0:0 /nix/store; chmod 1775 /nix/store; exec ${dropRights} ${findTool('qemu-aarch64')} ${bundle.file}`;
    expect(await inMounts(bundle, script, { ...debug, SADDLEBAG_STRATEGY: '' })).toMatchObject({
      code: 0,
      stdout: `/nix/store/${appBase}/bin/app\n`,
      stderr: 'app: native: taken\n',
    });
  });
});

describeWith(['qemu-aarch64', 'root'], 'the aarch64 runtime as root', () => {
  it('extracts in parallel, mounts and starts the app', async () => {
    const many = Object.fromEntries(
      Array.from({ length: 100 }, (_, index) => [`lib/${index}`, `${index}\n`.repeat(3000)]),
    );
    const bundle = await makeBundle('cat "$(dirname "$0")"/../lib/* | wc -c', {
      arch: 'aarch64',
      members: many,
      frameBytes: 1 << 16,
    });
    const cache = `${bundle.directory}/root-cache`;
    const env = { SADDLEBAG_CACHE_DIR: cache, SADDLEBAG_JOBS: '4' };
    const outcome = await emulate(bundle.file, { ...withCache(bundle, { env }), asSelf: true });
    const bytes = Object.values(many).reduce((sum, content) => sum + content.length, 0);
    expect(outcome).toMatchObject({ code: 0, stdout: `${bytes}\n`, stderr: '' });
  });
});
