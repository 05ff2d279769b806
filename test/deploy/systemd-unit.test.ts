import { describe, expect, it } from 'vitest';
import { renderUnit, type UnitBundle, type UnitSettings, unitName } from '../../deploy/systemd-unit.ts';

const bundle: UnitBundle = {
  name: 'web',
  appVersion: '1.4.0',
  fileName: 'web-1.4.0-x86_64',
  relocateRefusal: null,
  root: null,
  binds: [],
  imageSettings: null,
};
const settings: UnitSettings = {
  path: '/usr/local/bin/web',
  env: {},
  environmentFile: null,
  args: [],
  user: null,
  memory: null,
};

describe('renderUnit', () => {
  it('runs as a user of its own, with a cache, and may write nowhere else', () => {
    const lines = renderUnit(bundle, settings).split('\n');
    expect(lines).toEqual(
      expect.arrayContaining([
        '#   sudo install web-1.4.0-x86_64 /usr/local/bin/web',
        'Description=web 1.4.0',
        'ExecStart=/usr/local/bin/web',
        'DynamicUser=yes',
        'CacheDirectory=web',
        'NoNewPrivileges=yes',
        'ProtectSystem=strict',
        'RestrictNamespaces=yes',
        'SystemCallFilter=@system-service',
        'WantedBy=multi-user.target',
      ]),
    );
  });

  it('lets a bundle that cannot be relocated mount, and says why', () => {
    const unit = renderUnit({ ...bundle, relocateRefusal: 'a name in gzip' }, settings);
    expect(unit).toContain(
      '# It mounts its store paths for itself: a name in gzip.\nRestrictNamespaces=user mnt\n',
    );
    expect(unit).toContain('SystemCallFilter=@system-service @mount\n');
  });

  it('quotes what systemd would read as something else', () => {
    const unit = renderUnit(bundle, {
      ...settings,
      path: '/opt/my apps/web',
      args: ['100%', '$HOME', 'a "b" \\c', ''],
      env: { GREETING: 'say "hi" at 5%\n$now' },
    });
    expect(unit).toContain('ExecStart="/opt/my apps/web" 100%% $$HOME "a \\"b\\" \\\\c" ""\n');
    expect(unit).toContain('Environment="GREETING=say \\"hi\\" at 5%%\\x0a$now"\n');
  });

  it('lets nothing in a bundle be a setting of its own', () => {
    const evil = 'x\nExecStartPre=+/bin/evil\r[Service]\\';
    const hostile: UnitBundle = {
      ...bundle,
      ...{ name: evil, appVersion: evil, fileName: evil, relocateRefusal: evil },
      binds: [{ source: '/nix/a', target: `/${evil}`, policy: 'always' }],
      imageSettings: { user: null, ports: [], stopSignal: `SIGTERM${evil}` },
    };
    const lines = renderUnit(hostile, settings).split(/\r?\n|\r/);
    const keys = (from: readonly string[]) => from.filter((line) => line !== '' && !line.startsWith('#'));
    const usual = renderUnit({ ...hostile, name: 'x', appVersion: '', imageSettings: null }, settings);
    expect(keys(lines).map((line) => line.split('=')[0])).toEqual(
      keys(usual.split('\n')).map((line) => line.split('=')[0]),
    );
    expect(lines.find((line) => line.startsWith('Description='))).toMatch(/[^\\]$/);
  });

  it('takes a user, a limit, a file of secrets and the signal of an image', () => {
    const imageSettings = { user: null, ports: [], stopSignal: 'SIGQUIT' };
    const unit = renderUnit(
      { ...bundle, imageSettings },
      { ...settings, user: 'web', memory: 512, environmentFile: '/etc/web.env' },
    );
    expect(unit).not.toContain('DynamicUser');
    for (const line of ['User=web', 'MemoryMax=512M', 'EnvironmentFile=/etc/web.env', 'KillSignal=SIGQUIT']) {
      expect(unit).toContain(`\n${line}\n`);
    }
  });
});

it.each([
  ['web', 'web'],
  ['my app!', 'my-app-'],
  ['2048', 'app'],
  ['@scope/tool', 'scope-tool'],
])('unitName(%s) is %s', (name, expected) => expect(unitName(name)).toBe(expected));
