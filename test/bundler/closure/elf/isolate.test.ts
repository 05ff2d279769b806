import { describe, expect, it } from 'vitest';
import { bytesOf } from '../../../../bundler/closure/elf/bytes.ts';
import { isolateLoader } from '../../../../bundler/closure/elf/isolate.ts';

/** The text after the patches. */
function isolated(text: string): string {
  const bytes = Buffer.from(text, 'latin1');
  for (const patch of isolateLoader(bytesOf(bytes))) patch.bytes.copy(bytes, patch.offset);
  return bytes.toString('latin1');
}

describe('isolateLoader', () => {
  it('leads the paths of the host elsewhere, byte for byte as long', () => {
    const before =
      '/lib/x86_64-linux-gnu/\0/usr/lib/x86_64-linux-gnu/\0/lib/\0/usr/lib/\0/lib64/\0/usr/lib64/\0';
    expect(isolated(before)).toBe(
      '/nix/----------------/\0/nix/--------------------/\0/nix/\0/nix/---/\0/nix/-/\0/nix/-----/\0',
    );
    expect(isolated('\0/etc/ld.so.cache\0/etc/ld.so.preload\0')).toBe(
      '\0/nix/-----------\0/nix/-------------\0',
    );
  });

  it.each([
    'Do not use /etc/ld.so.cache\n\0',
    '\0/lib64/ld-linux-x86-64.so.2\0',
    '\0/usr/lib/x86_64-linux-gnu/gconv\0',
    'glibc-ld.so.cache1.1\0',
    'no/lib/\0',
  ])('leaves %j alone', (text) => {
    expect(isolateLoader(bytesOf(Buffer.from(text, 'latin1')))).toEqual([]);
  });
});
