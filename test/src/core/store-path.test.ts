import { describe, expect, it } from 'vitest';
import { sha256Hex } from '../../../src/core/digest.ts';
import {
  parseStorePath,
  splitNameVersion,
  storePathFromDigest,
  storePathName,
  storePathOf,
} from '../../../src/core/store-path.ts';

describe('parseStorePath', () => {
  it('takes what Nix makes', () => {
    const path = parseStorePath('/nix/store/9k416y6v53xkrqayx8wmaqmxznanjyi2-app-0.1.0');
    expect(storePathName(path)).toBe('app-0.1.0');
  });

  it.each([
    '/nix/store/9k416y6v53xkrqayx8wmaqmxznanjyi2',
    '/nix/store/9k416y6v53xkrqayx8wmaqmxznanjyie-app',
    '/nix/store/9k416y6v53xkrqayx8wmaqmxznanjyi2-app/bin',
    '/nix/store/9k416y6v53xkrqayx8wmaqmxznanjyi2-..\n',
    '/nix/store/../etc',
  ])('refuses %j', (text) => {
    expect(() => parseStorePath(text)).toThrow(expect.objectContaining({ code: 'store-path-invalid' }));
  });
});

describe('storePathOf', () => {
  it('finds the store path that a file lies in', () => {
    const top = '/nix/store/9k416y6v53xkrqayx8wmaqmxznanjyi2-app';
    expect(storePathOf(`${top}/bin/app`)).toBe(top);
    expect(storePathOf(top)).toBe(top);
    expect(storePathOf('/nix/store')).toBeUndefined();
    expect(storePathOf('/usr/bin/env')).toBeUndefined();
  });
});

describe('splitNameVersion', () => {
  it.each([
    ['app-0.1.0', 'app', '0.1.0'],
    ['python3-3.11', 'python3', '3.11'],
    ['a-b-c', 'a-b-c', ''],
    ['pet-taxi-2', 'pet-taxi', '2'],
    ['tool', 'tool', ''],
    ['jq-1.7-bin', 'jq', '1.7'],
    ['app-1.0-rc1', 'app', '1.0-rc1'],
    ['-1.0', '-1.0', ''],
  ])('splits %j into %j and %j', (text, name, version) => {
    expect(splitNameVersion(text)).toEqual({ name, version });
  });
});

describe('storePathFromDigest', () => {
  it('folds and writes the digest as Nix does', () => {
    // `nix-hash --type sha256 --truncate --base32 --flat` of a file that holds "saddlebag".
    const digest = Buffer.from(sha256Hex('saddlebag'), 'hex');
    expect(storePathFromDigest(digest, 'app-1')).toBe('/nix/store/d61pr2xyc65mpg16dh1wk13z73bad31n-app-1');
  });

  it('keeps to the characters that a store path may have', () => {
    const path = storePathFromDigest(new Uint8Array(32), '.my app é');
    expect(storePathName(path)).toBe('my-app--');
  });
});
