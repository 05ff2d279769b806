import { readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import picomatch from 'picomatch';

/**
 * Returns the workspace that has `directory` as a member, by the `workspaces` of a package.json above it; null where none.
 * npm installs a member from there: by itself it would get packages of the registry that are called like its siblings.
 * Source: npm's documentation of workspaces.
 */
export async function findWorkspace(directory: string): Promise<string | null> {
  for (let top = dirname(directory); ; top = dirname(top)) {
    const patterns = await readMembers(join(top, 'package.json'));
    if (patterns.length > 0 && isMember(relative(top, directory), patterns)) return top;
    if (top === dirname(top)) return null;
  }
}

/** A `!` takes out what an earlier pattern took in. */
function isMember(path: string, patterns: readonly string[]): boolean {
  return patterns.reduce((taken, pattern) => {
    const isNegative = pattern.startsWith('!');
    const glob = pattern.replace(/^!?(\.\/)?/, '').replace(/\/+$/, '');
    return picomatch.isMatch(path, glob) ? !isNegative : taken;
  }, false);
}

async function readMembers(file: string): Promise<readonly string[]> {
  // One above that cannot be read is someone else's.
  const document: unknown = await readFile(file, 'utf8')
    .then((text) => JSON.parse(text))
    .catch(() => null);
  const workspaces = property(document, 'workspaces');
  const members = Array.isArray(workspaces) ? workspaces : property(workspaces, 'packages');
  return Array.isArray(members) ? members.filter((member) => typeof member === 'string') : [];
}

function property(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
