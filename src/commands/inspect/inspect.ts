import { resolve } from 'node:path';
import { openBundle } from '../../../bundler/bundle-file.ts';
import { findDuplicates, largestFiles, listMembers } from '../../../bundler/explain/members.ts';
import { renderSizePage } from '../../../bundler/explain/page.ts';
import { referenceTree } from '../../../bundler/explain/tree.ts';
import { explainWhy } from '../../../bundler/explain/why.ts';
import { inspectBundle } from '../../../bundler/inspect.ts';
import type { Context } from '../../core/context.ts';
import { exitCodes, interrupted } from '../../core/errors.ts';
import { writeAtomically } from '../../core/files.ts';
import type { Bundle } from '../../core/types.ts';
import type { CommandResult } from '../result.ts';
import { renderFiles, renderTree, renderWhy } from './explanations.ts';
import { renderBundle } from './page.ts';

/** The flags of `saddlebag inspect`; at most one of them. */
export interface InspectFlags {
  readonly tree?: boolean;
  /** How many of the largest files to list. */
  readonly files?: number;
  /** What to look for: a store path, a name, the end of a file's path. */
  readonly why?: string;
  /** Where to write the page. */
  readonly html?: string;
  /** Whether the page may replace a file. */
  readonly force?: boolean;
}

interface Input {
  readonly bundle: string;
  readonly flags: InspectFlags;
}

/**
 * Reads a bundle, checks every byte of it and says what it is, or explains what it holds.
 * @returns a page for people; as JSON the Bundle, or with a flag the tree, the files, the reasons, the page's path
 * @throws {SaddlebagError} `bundle-unreadable`, `not-a-bundle`, `bundle-newer`, `bundle-older`, `bundle-damaged`,
 *   `not-in-bundle`, `output-exists`, `output-failed`, `interrupted`
 */
export async function runInspect(input: Input, context: Context): Promise<CommandResult> {
  try {
    return await inspect(input, context);
  } catch (cause) {
    if (!context.signal.aborted) throw cause;
    throw interrupted(`reading ${input.bundle}`, 'nothing was changed', 'run the same command again');
  }
}

async function inspect({ bundle: path, flags }: Input, context: Context): Promise<CommandResult> {
  const file = resolve(context.cwd, path);
  const { signal } = context;
  if (flags.why !== undefined) {
    await using opened = await openBundle(file);
    const reasons = await explainWhy(opened, flags.why, signal);
    return done(renderWhy(reasons), { version: 1, reasons });
  }
  if (flags.files !== undefined) {
    await using opened = await openBundle(file);
    const members = listMembers(opened);
    const duplicates = await findDuplicates(opened, members, signal);
    const files = largestFiles(members, flags.files);
    return done(renderFiles(files, duplicates, flags.files), {
      version: 1,
      files: files.map(({ storePath, path: inside, sizeBytes }) => ({ storePath, path: inside, sizeBytes })),
      duplicates,
    });
  }
  const bundle = await readBundle(file, context);
  if (flags.html !== undefined) return writePage(bundle, { html: flags.html, force: flags.force }, context);
  if (flags.tree !== true) return done(renderBundle(bundle), bundle);
  const tree = referenceTree(bundle.image.paths);
  return done(renderTree(tree), { version: 1, tree });
}

function done(text: string, json: unknown): CommandResult {
  return { text, json, exitCode: exitCodes.done };
}

async function readBundle(file: string, context: Context): Promise<Bundle> {
  return inspectBundle(file, {
    signal: context.signal,
    onProgress: (doneBytes, totalBytes) =>
      context.reporter.report({ kind: 'progress', stage: 'inspect', doneBytes, totalBytes }),
  });
}

async function writePage(
  bundle: Bundle,
  { html, force }: { readonly html: string; readonly force: boolean | undefined },
  context: Context,
): Promise<CommandResult> {
  const { signal } = context;
  const file = resolve(context.cwd, html);
  await using opened = await openBundle(bundle.file);
  const members = listMembers(opened);
  const page = renderSizePage(bundle, members, await findDuplicates(opened, members, signal));
  await writeAtomically(file, { force: force ?? false, mode: 0o644, signal }, async (handle) => {
    await handle.writeFile(page);
  });
  return done(file, { version: 1, file });
}
