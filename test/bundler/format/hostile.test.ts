import { describe, expect, it } from 'vitest';
import { referenceTree } from '../../../bundler/explain/tree.ts';
import { decodeFrames, encodeFrames } from '../../../bundler/format/index-table.ts';
import { rowBytes, rowKinds } from '../../../bundler/format/layout.ts';
import { checkRows } from '../../../bundler/format/rows.ts';
import { StringArea, writeReference } from '../../../bundler/format/strings.ts';
import { describeBundle } from '../../../bundler/inspect.ts';
import { parseStorePath } from '../../../src/core/store-path.ts';

const storePath = parseStorePath(`/nix/store/${'a'.repeat(32)}-app`);
const path = { storePath, tarOffset: 0, tarBytes: 1 } as Parameters<typeof checkRows>[1];

describe('a bundle that was made to take long', () => {
  it('is refused where thousands of links name one target of a megabyte', () => {
    const strings = new StringArea();
    const count = 2_000;
    const rows = Buffer.alloc(rowBytes * (count + 1));
    const none = strings.add('');
    const target = strings.add('x'.repeat(1 << 20));
    for (let row = 0; row <= count; row++) {
      const at = rowBytes * row;
      const isTop = row === 0;
      writeReference(rows, at, isTop ? none : strings.add(`link${`${row}`.padStart(6, '0')}`));
      writeReference(rows, at + 8, isTop ? none : target);
      rows.writeUInt16LE(isTop ? 0o555 : 0o777, at + 40);
      rows.writeUInt8(isTop ? rowKinds.directory : rowKinds.symlink, at + 42);
    }
    expect(() => checkRows('app', path, { rows, strings: strings.encode() })).toThrow(
      /^cannot read app: its index of \S+ is damaged \(its strings lie over one another\)$/,
    );
  });

  it('is refused where a frame is larger than what it holds could ever be', () => {
    const frame = { offset: 0, tarOffset: 0, bytes: 1 << 30, tarBytes: 1024, firstRow: 0 };
    const limits = { dataBytes: 1 << 30, tarBytes: 1024, frameBytes: 1 << 20 };
    expect(() => decodeFrames('app', encodeFrames([frame]), limits)).toThrow('frame 0 is out of place');
  });

  it('is no tree where its store paths refer to one another without end', () => {
    const names = Array.from({ length: 5_000 }, (_, at) =>
      parseStorePath(`/nix/store/${`${at}`.padStart(32, '0')}-a`),
    );
    const paths = names.map((name, at) => ({
      storePath: name,
      references: names.slice(Math.max(0, at - 1), at),
    }));
    expect(() => referenceTree(paths as unknown as Parameters<typeof referenceTree>[0])).toThrow(
      'store paths refer to one another more than 1000 deep',
    );
  });

  it('is described in the time that its paths, frames and references take together', () => {
    const count = 100_000;
    const hash = (index: number) => index.toString().padStart(32, '0');
    const paths = Array.from({ length: count }, (_, index) => ({
      storePath: parseStorePath(`/nix/store/${hash(index)}-a`),
      tarOffset: 10 * index,
      tarBytes: 10,
    }));
    const frames = paths.map(({ tarOffset }) => ({ tarOffset: tarOffset + 5, tarBytes: 10, bytes: 4 }));
    const { image } = describeBundle({
      file: 'app',
      sizeBytes: 1,
      sha256: '',
      header: { paths, launch: { entrypoints: [], binds: [] } },
      metadata: { references: paths.map((_, index) => [index, 0, index]) },
      frames,
    } as unknown as Parameters<typeof describeBundle>[0]);
    expect(image.paths[1]).toMatchObject({
      compressedBytes: 4,
      references: [paths[0]?.storePath, paths[1]?.storePath],
    });
    expect(image.paths[0]).toMatchObject({ compressedBytes: 2, references: [paths[0]?.storePath] });
  });
});
