import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runInit } from '../../../src/commands/init/init.ts';
import { jobProblems } from '../../../src/commands/up/job-tree.ts';
import { appInForce, textOf } from '../../../src/config/in-force.ts';
import { readProject } from '../../../src/config/project.ts';
import { toData } from '../../../src/config/setting.ts';
import { type Member, writeTree } from '../../helpers/closures.ts';
import { testContext } from '../../helpers/context.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';

/** Writes a tree, runs `init` in it, and returns the app that the file then has. */
async function init(
  tree: Record<string, Member>,
  { app, env = {} }: { app?: string; env?: Record<string, string> } = {},
) {
  const cwd = await temporaryDirectory();
  await writeTree(cwd, tree);
  const context = testContext({ cwd, env });
  const { text } = await runInit({ app }, context);
  const project = await readProject(undefined, { cwd, env });
  const [name = ''] = project.apps.keys();
  const inForce = appInForce(project, { app: name, environment: null }, env);
  expect(jobProblems(inForce, project)).toEqual([]);
  const to = inForce.store && textOf(inForce.store.settings, 'to');
  return { file: text, cwd, name, bundle: toData(inForce.bundle), to, events: context.events };
}

describe('saddlebag init', () => {
  it.each<[string, Record<string, Member>, string | undefined, object]>([
    [
      'a flake, before what else is there',
      { 'flake.nix': '{}', 'package.json': '{"name": "web"}' },
      'web',
      { source: '.#' },
    ],
    ['a Nix expression', { 'default.nix': '{}' }, undefined, { file: 'default.nix' }],
    ['a Nix build', { result: { link: '/nix/store/x' } }, undefined, { source: './result' }],
    ['a Python project', { 'pyproject.toml': '[project]\nname = "pet_taxi"\n' }, 'pet_taxi', { source: '.' }],
    ['a Node project', { 'package.json': '{"name": "@acme/pet-taxi"}' }, 'pet-taxi', { source: '.' }],
    ['both', { 'package.json': '{}', 'requirements.txt': '' }, undefined, { source: '.', python: 'auto' }],
    ['a project that is damaged', { 'package.json': '{' }, undefined, { source: '.' }],
    [
      'a program',
      { 'server.py': { executable: '#!/usr/bin/env python3\n' }, notes: 'x' },
      'server',
      { source: './server.py' },
    ],
    [
      'an image',
      { 'web.tar': Buffer.concat([Buffer.alloc(257), Buffer.from('ustar'), Buffer.alloc(250)]) },
      'web',
      { source: './web.tar' },
    ],
  ])('writes a file for %s', async (_, tree, name, bundle) => {
    const written = await init(tree);
    expect(written.bundle).toEqual(bundle);
    if (name !== undefined) expect(written.name).toBe(name);
    expect(written.to).toBe('./.saddlebag/bundles');
  });

  it('takes what the user names, and the store that they have', async () => {
    const env = { SADDLEBAG_STORE: 's3://bundles/apps?endpoint=http://minio:9000' };
    const { name, bundle, to, events } = await init({}, { app: 'program:nginx', env });
    expect({ name, bundle, to }).toEqual({
      name: 'nginx',
      bundle: { source: 'program:nginx' },
      to: 's3://bundles/apps?endpoint=http://minio:9000',
    });
    expect(events.at(-1)).toMatchObject({ message: '  saddlebag up' });
  });

  it('never writes over a file', async () => {
    const cwd = await temporaryDirectory();
    await writeFile(join(cwd, 'saddlebag.hcl'), '# mine\n');
    await expect(runInit({ app: '.' }, testContext({ cwd }))).rejects.toMatchObject({
      code: 'output-exists',
      hint: 'edit it; `saddlebag config` prints what it says',
    });
    expect(await readFile(join(cwd, 'saddlebag.hcl'), 'utf8')).toBe('# mine\n');
  });

  it.each<[string, Record<string, Member>, string | undefined, string, string]>([
    ['a path that leads nowhere', {}, './web', 'no such file or directory', 'a path from here'],
    ['a name of nothing here', {}, 'nginx', 'no such file or directory', 'a program of PATH'],
    ['a Go module', { 'go.mod': 'module web\n' }, undefined, 'its go.mod says how', 'go build -o app .'],
    ['a Rust crate', { 'Cargo.toml': '' }, undefined, 'its Cargo.toml says how', 'cargo build --release'],
    [
      'the root of several packages',
      { 'package.json': '{"workspaces": ["packages/*"]}' },
      undefined,
      'the root of several packages',
      'saddlebag init ./packages/NAME',
    ],
  ])('writes nothing for %s, and says what to do', async (_, tree, app, message, hint) => {
    const cwd = await temporaryDirectory();
    await writeTree(cwd, tree);
    await expect(runInit({ app }, testContext({ cwd }))).rejects.toMatchObject({
      code: 'project-unknown',
      exitCode: 2,
      message: expect.stringContaining(message),
      hint: expect.stringContaining(hint),
    });
    expect((await readdir(cwd)).sort()).toEqual(Object.keys(tree));
  });

  it('takes the program that was built of a Go module', async () => {
    const tree = { 'go.mod': 'module web\n', app: { executable: '\x7fELF' } };
    expect((await init(tree)).bundle).toEqual({ source: './app' });
  });

  it('asks where it cannot tell, and writes nothing', async () => {
    const cwd = await temporaryDirectory();
    const two = { executable: '#!/bin/sh\n' };
    await writeTree(cwd, { one: two, two });
    await expect(runInit({}, testContext({ cwd }))).rejects.toMatchObject({
      code: 'project-unknown',
      exitCode: 2,
    });
    expect(await readdir(cwd)).toEqual(['one', 'two']);
  });
});
