import { expect, it } from 'vitest';
import { describeWith, findTool } from '../../helpers/needs.ts';
import { appBase, makeBundle, startChild, withCache } from './bundles.ts';

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
    expect(outcome.stderr).toMatch(/^app: cannot start: .+\n {2}native: cannot use .+\n$/);
  });
});

describeWith(['qemu-aarch64', 'root'], 'the aarch64 runtime as root', () => {
  it('extracts in parallel, mounts and starts the app', async () => {
    const members = Object.fromEntries(
      Array.from({ length: 100 }, (_, index) => [`lib/${index}`, `${index}\n`.repeat(3000)]),
    );
    const bundle = await makeBundle('cat "$(dirname "$0")"/../lib/* | wc -c', {
      arch: 'aarch64',
      members,
      frameBytes: 1 << 16,
    });
    const cache = `${bundle.directory}/root-cache`;
    const env = { SADDLEBAG_CACHE_DIR: cache, SADDLEBAG_JOBS: '4' };
    const outcome = await emulate(bundle.file, { ...withCache(bundle, { env }), asSelf: true });
    const bytes = Object.values(members).reduce((sum, content) => sum + content.length, 0);
    expect(outcome).toMatchObject({ code: 0, stdout: `${bytes}\n`, stderr: '' });
  });
});
