import { describe, expect, it } from 'vitest';
import { artifactKey, encodeKey } from '../../../src/publish/key.ts';
import { failureOf } from './failure.ts';

const parts = { prefix: 'team', name: 'web', sha256: 'ab'.repeat(32), fileName: 'web-1.0' };

describe('artifactKey', () => {
  it('joins prefix, name, digest and file', () => {
    expect(artifactKey(parts)).toBe(`team/web/${parts.sha256}/web-1.0`);
    expect(artifactKey({ ...parts, prefix: '' })).toBe(`web/${parts.sha256}/web-1.0`);
  });

  it.each([
    [{ prefix: 'a//b' }, 'it has an empty component'],
    [{ prefix: '../b' }, 'it has a component "." or ".."'],
    [{ name: '.' }, 'it has a component "." or ".."'],
    [{ name: '' }, 'it has an empty component'],
    [{ fileName: 'a\nb' }, 'it holds a control character'],
    [{ fileName: '\ud800' }, 'it is not valid Unicode'],
    [{ prefix: 'p'.repeat(1000) }, 'it is longer than 1024 bytes'],
  ])('refuses %j', async (change, reason) => {
    const failure = await failureOf(() => artifactKey({ ...parts, ...change }));
    expect(failure.code).toBe('key-invalid');
    expect(failure.exitCode).toBe(2);
    expect(failure.message.endsWith(`: ${reason}`)).toBe(true);
  });
});

describe('encodeKey', () => {
  it('keeps what every server and Nomad read alike', () => {
    expect(encodeKey('a-b_c.d~e/F9')).toBe('a-b_c.d~e/F9');
  });

  it.each([
    ['a b', 'a%20b'],
    ['a+b', 'a%2Bb'],
    ['50%', '50%25'],
    ['é', '%C3%A9'],
    ["!'()*", '%21%27%28%29%2A'],
    ['$' + '{X}', '%24%7BX%7D'],
    ['a::b?c#d&e\\f', 'a%3A%3Ab%3Fc%23d%26e%5Cf'],
  ])('encodes %s', (key, encoded) => {
    expect(encodeKey(key)).toBe(encoded);
    expect(decodeURIComponent(encoded)).toBe(key);
  });
});
