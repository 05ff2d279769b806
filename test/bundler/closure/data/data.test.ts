import { describe, expect, it } from 'vitest';
import { addData } from '../../../../bundler/closure/data/data.ts';
import { type DataRequest, parseDataKinds } from '../../../../bundler/closure/data/kinds.ts';
import type { Closure } from '../../../../src/core/types.ts';
import { closureOf, settingsOf } from '../../../helpers/closures.ts';
import { testContext } from '../../../helpers/context.ts';
import { temporaryDirectory } from '../../../helpers/temporary.ts';

/** A closure whose only path has the named files. */
function closureWith(names: readonly string[], more: Partial<Closure> = {}): Closure {
  const closure = closureOf([{ name: 'app', letter: 'a', directory: '/' }], 'bin/app', {
    source: 'program',
    ...more,
  });
  const files = Object.fromEntries(names.map((name) => [name, '/etc/hostname']));
  return { ...closure, paths: closure.paths.map((path) => ({ ...path, directory: null, files })) };
}

async function add(closure: Closure, request: Partial<DataRequest> = {}): Promise<Closure> {
  const place = { context: testContext(), workDirectory: await temporaryDirectory() };
  return addData(closure, { with: [], without: [], ...request }, place);
}

const namesOf = ({ paths }: Closure) => paths.map(({ storePath }) => storePath.slice(44));

describe('addData', () => {
  it('leaves alone what looks for nothing, and an image or a Nix build', async () => {
    const plain = closureWith(['bin/app']);
    expect(await add(plain)).toBe(plain);
    for (const source of ['image', 'nix'] as const) {
      const other = closureWith(['lib/libc.so.6', 'lib/libssl.so.3'], { source });
      expect(await add(other)).toBe(other);
    }
  });

  it('brings the locale that a C library looks for, found by variables alone', async () => {
    const closure = await add(closureWith(['lib/libc.so.6']));
    expect(namesOf(closure)).toEqual(['locales', 'app']);
    const [locales] = closure.paths;
    expect(Object.keys(locales?.files ?? {})).toContain('lib/locale/C.utf8/LC_CTYPE');
    expect(closure.binds).toEqual([]);
    expect(closure.entrypoint.env).toEqual(
      settingsOf({ LANG: 'C.UTF-8', LOCPATH: `${locales?.storePath}/lib/locale` }),
    );
    expect(namesOf(await add(closureWith(['lib/libc.so.6']), { without: ['locales'] }))).toEqual(['app']);
  });

  it('writes name services that suffice for a user, a group and a host', async () => {
    const closure = await add(closureWith([]), { with: ['nss'] });
    expect(closure.binds).toContainEqual({
      source: `${closure.paths[0]?.storePath}/etc/nsswitch.conf`,
      target: '/etc/nsswitch.conf',
      policy: 'where-absent',
    });
  });

  it('gives the same store path each time', async () => {
    const [one, two] = [
      await add(closureWith([]), { with: ['nss'] }),
      await add(closureWith([]), { with: ['nss'] }),
    ];
    expect(one.paths[0]?.storePath).toBe(two.paths[0]?.storePath);
  });

  it('sets the variables of git for git only', async () => {
    const variables = async (names: string[]) => {
      const { entrypoint } = await add(closureWith(names), { with: ['ca-certificates'] });
      return new Set(entrypoint.env.map(({ name }) => name));
    };
    expect(await variables(['bin/curl'])).toEqual(new Set(['SSL_CERT_FILE']));
    expect(await variables(['bin/git'])).toEqual(new Set(['SSL_CERT_FILE', 'GIT_SSL_CAINFO']));
  });
});

describe('parseDataKinds', () => {
  it('takes lists, and refuses what it does not know', () => {
    expect(parseDataKinds(['nss, services', 'tzdata'])).toEqual(['nss', 'services', 'tzdata']);
    expect(() => parseDataKinds(['certs'])).toThrow('cannot bring "certs" along: there is no such data');
  });
});
