import { once } from 'node:events';
import { chmod, chown, mkdir, mkdtemp, readdir, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { basename, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { removeAbandoned, showOwner } from '../../../src/core/abandoned.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';

const names = /^work-/;

/** Makes a work directory whose owner lives; returns how to have him die. */
async function owned(place: string) {
  const directory = await mkdtemp(join(place, 'work-'));
  const die = await showOwner(directory);
  onTestFinished(die);
  return { directory, die };
}

async function abandoned(place: string): Promise<string> {
  const { directory, die } = await owned(place);
  die();
  return directory;
}

type Change = [string, (left: string, place: string) => Promise<unknown>];

/** What only the superuser can bring about. */
const ofOthers: Change[] = [
  ['belongs to another user', (left) => chown(left, 65_534, 65_534)],
  ['stands in a directory of another user', (_, place) => chown(place, 65_534, 65_534)],
];

describe('removeAbandoned', () => {
  it('removes what an owner left who died, read-only directories too, and nothing of one who lives', async () => {
    const place = await temporaryDirectory();
    const { directory } = await owned(place);
    const left = await abandoned(place);
    await mkdir(join(left, 'nix/store'), { recursive: true });
    await writeFile(join(left, 'nix/store/file'), '');
    await symlink(directory, join(left, 'nix/link'));
    await chmod(join(left, 'nix/store'), 0o555);
    await removeAbandoned(place, names);
    expect(await readdir(place)).toEqual([basename(directory)]);
    expect(await readdir(directory)).toHaveLength(1);
  });

  it.each<Change>([
    ['others may enter', (left) => chmod(left, 0o755)],
    ['stands where others may replace it', (_, place) => chmod(place, 0o777)],
    ...(process.geteuid?.() === 0 ? ofOthers : []),
  ])('leaves what %s', async (_, change) => {
    const place = await temporaryDirectory();
    const left = await abandoned(place);
    await change(left, place);
    await removeAbandoned(place, names);
    expect(await readdir(left)).toHaveLength(1);
    await chmod(place, 0o755);
  });

  it('leaves links, what has another name, and what nobody has shown himself in', async () => {
    const place = await temporaryDirectory();
    const elsewhere = await abandoned(await temporaryDirectory());
    await symlink(elsewhere, join(place, 'work-link'));
    const unshown = await mkdtemp(join(place, 'work-'));
    // As between bind(2) and listen(2).
    const server = createServer();
    await once(server.listen(join(unshown, 'owner')), 'listening');
    onTestFinished(() => void server.close());
    await mkdtemp(join(place, 'other-'));
    await removeAbandoned(place, names);
    expect(await readdir(place)).toHaveLength(3);
    expect(await readdir(elsewhere)).toHaveLength(1);
    expect(await readdir(unshown)).toEqual(['owner']);
  });

  it('says nothing of a place that it cannot read', async () => {
    await removeAbandoned(join(await temporaryDirectory(), 'none'), names);
  });
});
