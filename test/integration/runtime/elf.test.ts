import { describe, expect, it } from 'vitest';
import { bytesOf } from '../../../bundler/closure/elf/bytes.ts';
import { parseElf } from '../../../bundler/closure/elf/read.ts';
import { readRuntime } from '../../../bundler/runtime-file.ts';

/** Types and flags of program headers. Source: elf(5). */
const types = { load: 1, stack: 0x6474e551 } as const;
const flags = { execute: 1, write: 2 } as const;

describe.each(['x86_64', 'aarch64'] as const)('the executable file of the runtime for %s', (arch) => {
  it('stays below 120,000 bytes', async () => {
    expect((await readRuntime(arch)).length).toBeLessThan(120_000);
  });

  it('needs no loader and no library', async () => {
    expect(parseElf(bytesOf(await readRuntime(arch)), arch)).toMatchObject({
      interpreter: null,
      dynamic: null,
    });
  });

  it('has nothing that can be both written and executed, the stack neither', async () => {
    const { segments } = parseElf(bytesOf(await readRuntime(arch)), arch);
    const both = flags.execute | flags.write;
    expect(segments.filter(({ type }) => type === types.load).length).toBeGreaterThan(2);
    expect(segments.filter((each) => each.type === types.load && (each.flags & both) === both)).toEqual([]);
    expect(segments.filter(({ type }) => type === types.stack).map((each) => each.flags)).toEqual([6]);
  });
});
