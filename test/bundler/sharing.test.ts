import { describe, expect, it } from 'vitest';
import { FrameSharing } from '../../bundler/sharing.ts';
import { fakeStorePath } from '../helpers/closures.ts';

const frameBytes = 100_000;

function tree(name: string, estimatedTarBytes: number) {
  return { storePath: fakeStorePath(name), estimatedTarBytes };
}

function planSharing(trees: readonly ReturnType<typeof tree>[]): boolean[] {
  const sharing = new FrameSharing(frameBytes);
  return trees.map((path, index) => sharing.continues({ ...path, isLast: index === trees.length - 1 }));
}

const app = tree('app', 10);

describe('FrameSharing', () => {
  it('lets small neighbours share, and neither large ones nor the app', () => {
    const trees = [tree('a', 10), tree('b', 10), tree('c', 50_000), tree('d', 10), tree('f', 10), app];
    expect(planSharing(trees)).toEqual([false, true, false, false, true, false]);
  });

  it('fills no frame beyond its length', () => {
    const trees = [...Array.from({ length: 9 }, (_, index) => tree(`p${index}`, 20_500)), app];
    const sharing = planSharing(trees);
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
      planSharing([...list, app]).flatMap((continues, index) =>
        continues ? [] : [(list[index] ?? app).storePath],
      );
    const before = begins(trees);
    const after = begins(trees.toSpliced(100, 1));
    const changed = [...before, ...after].filter((path) => !before.includes(path) || !after.includes(path));
    expect(before.length).toBeGreaterThan(5);
    expect(changed.length).toBeLessThanOrEqual(1);
  });
});
