import { describe, expect, it } from 'vitest';
import { planSharing } from '../../bundler/sharing.ts';
import type { Entry } from '../../src/core/types.ts';
import { fakeStorePath } from '../helpers/closures.ts';

const frameBytes = 100_000;

function tree(name: string, sizeBytes: number) {
  const storePath = fakeStorePath(name);
  const entry: Entry = { kind: 'file', path: storePath.slice(1), mode: 0o444, sizeBytes, file: '/dev/null' };
  return { path: { storePath }, entries: [entry] };
}

const app = tree('app', 10);

describe('planSharing', () => {
  it('lets small neighbours share, and neither large ones nor the app', () => {
    const trees = [tree('a', 10), tree('b', 10), tree('c', 50_000), tree('d', 10), tree('f', 10), app];
    expect(planSharing(trees, frameBytes)).toEqual([false, true, false, false, true, false]);
  });

  it('fills no frame beyond its length', () => {
    const trees = [...Array.from({ length: 9 }, (_, index) => tree(`p${index}`, 20_000)), app];
    const sharing = planSharing(trees, frameBytes);
    let run = 0;
    for (const continues of sharing) {
      run = continues ? run + 1 : 1;
      expect(run).toBeLessThanOrEqual(4);
    }
    expect(sharing.filter(Boolean).length).toBeGreaterThan(4);
  });

  it('changes the frames near a store path that comes or goes, and no others', () => {
    const trees = Array.from({ length: 200 }, (_, index) => tree(`package-${index}`, 1000));
    const begins = (list: typeof trees) =>
      planSharing([...list, app], frameBytes).flatMap((continues, index) =>
        continues ? [] : [(list[index] ?? app).path.storePath],
      );
    const before = begins(trees);
    const after = begins(trees.toSpliced(100, 1));
    const changed = [...before, ...after].filter((path) => !before.includes(path) || !after.includes(path));
    expect(before.length).toBeGreaterThan(5);
    expect(changed.length).toBeLessThanOrEqual(1);
  });
});
