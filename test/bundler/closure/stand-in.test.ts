import { describe, expect, it } from 'vitest';
import { refuseStandIn } from '../../../bundler/closure/stand-in.ts';

describe('refuseStandIn', () => {
  it.each([
    ['/usr/bin/psql', '/usr/share/postgresql-common/pg_wrapper', /postgresql\/\*\/bin\/psql$/],
    ['/root/.cargo/bin/rustc', '/root/.cargo/bin/rustup', /`rustup which rustc`/],
    ['/home/me/.local/share/mise/shims/node', '/usr/bin/mise', /`mise which node`/],
    ['/home/me/.pyenv/shims/python3', '/home/me/.pyenv/shims/python3', /`pyenv which python3`/],
    ['/snap/bin/firefox', '/usr/bin/snap', /\/snap\/firefox\/current/],
    ['/var/lib/flatpak/exports/bin/org.gimp', '/var/lib/flatpak/exports/bin/org.gimp', /of a package/],
  ])('refuses %s, and says where the program is', (file, real, hint) => {
    const name = file.split('/').at(-1);
    expect(() => refuseStandIn(file, real)).toThrow(
      expect.objectContaining({
        code: 'program-shim',
        message: expect.stringMatching(new RegExp(`stand-in for ${name}$`)),
        hint: expect.stringMatching(hint),
      }),
    );
  });

  it.each([
    ['/usr/bin/snap', '/usr/bin/snap'],
    ['/usr/bin/vi', '/usr/bin/vim.basic'],
    ['/usr/lib/postgresql/15/bin/psql', '/usr/lib/postgresql/15/bin/psql'],
  ])('takes %s', (file, real) => {
    expect(() => refuseStandIn(file, real)).not.toThrow();
  });
});
