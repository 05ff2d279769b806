import { readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeWith } from '../../helpers/needs.ts';
import { appBase, makeBundle } from './bundles.ts';
import { machineTools } from './machine.ts';
import { inPrivateRoot } from './private-root.ts';

describeWith(machineTools, 'a private root', () => {
  const inPlace = { SADDLEBAG_STRATEGY: 'in-place' };

  it('makes /nix there, and finds it again', async () => {
    const bundle = await makeBundle('echo $$ "$0"');
    const cold = await inPrivateRoot(bundle, { env: inPlace });
    expect(cold.outcome).toMatchObject({
      code: 0,
      stdout: `${cold.outcome.pid} /nix/store/${appBase}/bin/app\n`,
      stderr: 'app: /nix/store: extracted\napp: in-place: taken\n',
    });
    expect(await readdir(join(cold.root, 'nix', 'store'))).toEqual([appBase]);
    expect(await readlink(join(cold.root, 'nix', '.saddlebag', 'meta', appBase))).toMatch(
      /^[0-9a-f]{64} boot /,
    );
    const warm = await inPrivateRoot(bundle, { env: inPlace });
    expect(warm.outcome).toMatchObject({ code: 0, stderr: 'app: in-place: taken\n' });
  });

  it.each([
    ['a /nix of somebody else', 'mkdir nix', /cannot write below \/nix: it is there and not ours/],
    [
      'a Nix in it',
      'mkdir -p nix/var/nix nix/.saddlebag',
      /cannot write below \/nix: it is there and not ours/,
    ],
    ['a system that was booted', 'mkdir -p run/systemd/system', /cannot write below \/: it is not private/],
  ])('leaves %s alone', async (_, before, message) => {
    const bundle = await makeBundle('echo never');
    const { outcome, root } = await inPrivateRoot(bundle, { before, env: inPlace });
    expect(outcome).toMatchObject({ code: 125, stdout: '' });
    expect(outcome.stderr).toMatch(message);
    expect(await readdir(join(root, 'nix')).catch(() => [])).not.toContain('store');
  });

  it('gets a new root with the old one’s entries when it has no /nix', async () => {
    const script =
      'echo $$ $(ls -A /) $(readlink /lib) $(stat -f -c %T "$0"); touch /new 2>/dev/null || echo closed';
    const bundle = await makeBundle(script, { members: { 'lib/x': 'x' } });
    const { outcome } = await inPrivateRoot(bundle);
    expect(outcome).toMatchObject({ code: 0 });
    expect(outcome.stderr).toContain('app: namespace: taken\n');
    const entries = 'app bin cache lib lib64 nix proc tmp usr';
    expect(outcome.stdout).toMatch(
      new RegExp(`^${outcome.pid} ${entries} usr/lib (?!tmpfs|overlay).+\nclosed\n$`),
    );
  });

  it('joins a /nix that holds no store', async () => {
    const bundle = await makeBundle('ls -A /nix /nix/store');
    const { outcome, root } = await inPrivateRoot(bundle, { before: 'mkdir -p nix/other' });
    expect(outcome.stdout).toBe(`/nix:\nother\nstore\n\n/nix/store:\n${appBase}\n`);
    expect(await readdir(join(root, 'nix'))).toEqual(['other']);
  });

  it('keeps the working directory in a new root, and lets the app make namespaces', async () => {
    const bundle = await makeBundle('pwd; ls; unshare -Ur id -u');
    const after = 'mkdir -m 755 -p tmp/work/inner; cd tmp/work';
    const { outcome } = await inPrivateRoot(bundle, { after });
    expect(outcome).toMatchObject({ code: 0, stdout: '/tmp/work\ninner\n0\n' });
  });
});
