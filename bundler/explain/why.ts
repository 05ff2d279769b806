import { SaddlebagError } from '../../src/core/errors.ts';
import { type StorePath, splitNameVersion, storePathBase, storePathName } from '../../src/core/store-path.ts';
import type { OpenBundle } from '../bundle-file.ts';
import { listMembers, type Member, memberPath, readContents } from './members.ts';

/** One store path of a chain, and what in the one before it names it. */
export interface WhyStep {
  readonly storePath: StorePath;
  /** Files and symbolic links of the step before, absolute, at most three; empty for the first step. */
  readonly because: readonly string[];
}

/** Why a bundle holds a store path: the shortest chain of references from the app's own. */
export interface Why {
  readonly target: StorePath;
  /** From the app's own path to the target; empty where no reference leads there. */
  readonly steps: readonly WhyStep[];
}

const reasonsShown = 3;
const hashLength = 32;

/**
 * Finds out which chain of references pulls something in.
 * @param query a store path or a path in one, `<hash>-<name>`, the name with or without version, or the end of a file's
 *   path
 * @returns one Why for each store path that the query fits, sorted
 * @throws {SaddlebagError} `not-in-bundle`, `bundle-damaged`; the reason of `signal`
 */
export async function explainWhy(bundle: OpenBundle, query: string, signal: AbortSignal): Promise<Why[]> {
  const members = listMembers(bundle);
  const targets = findTargets(bundle, members, query);
  const result: Why[] = [];
  for (const target of targets) result.push(await explainTarget(bundle, members, { target, signal }));
  return result;
}

function findTargets(bundle: OpenBundle, members: readonly Member[], query: string): StorePath[] {
  const storePaths = bundle.header.paths.map(({ storePath }) => storePath);
  const fits: ((storePath: StorePath) => boolean)[] = [
    (storePath) => query === storePath || query.startsWith(`${storePath}/`),
    (storePath) => query === storePathBase(storePath) || query === storePathName(storePath),
    (storePath) => query === splitNameVersion(storePathName(storePath)).name,
    (storePath) => members.some((member) => member.storePath === storePath && endsIn(member, query)),
  ];
  for (const fit of fits) {
    const found = storePaths.filter(fit).sort();
    if (found.length > 0) return found;
  }
  throw new SaddlebagError(
    'not-in-bundle',
    `cannot explain ${query}: ${bundle.file} holds nothing of that name`,
    {
      hint: 'give a store path, the name of one, or the end of a path in one; `saddlebag inspect --tree` lists them',
    },
  );
}

function endsIn(member: Member, query: string): boolean {
  return memberPath(member).endsWith(query.startsWith('/') ? query : `/${query}`);
}

async function explainTarget(
  bundle: OpenBundle,
  members: readonly Member[],
  { target, signal }: { readonly target: StorePath; readonly signal: AbortSignal },
): Promise<Why> {
  const steps: WhyStep[] = [];
  for (const storePath of shortestChain(bundle, target)) {
    const before = steps.at(-1)?.storePath;
    const because =
      before === undefined ? [] : await findReasons(bundle, members, { from: before, to: storePath, signal });
    steps.push({ storePath, because });
  }
  return { target, steps };
}

/** Returns the shortest chain of references from the app's own path, which is the last, to `target`. */
function shortestChain({ header, metadata }: OpenBundle, target: StorePath): StorePath[] {
  const start = header.paths.length - 1;
  const goal = header.paths.findIndex(({ storePath }) => storePath === target);
  const cameFrom = new Map<number, number>([[start, start]]);
  for (const index of cameFrom.keys()) {
    for (const reference of metadata.references[index] ?? []) {
      if (!cameFrom.has(reference)) cameFrom.set(reference, index);
    }
  }
  if (!cameFrom.has(goal)) return [];
  const chain = [goal];
  for (let at = goal; at !== start; ) {
    at = cameFrom.get(at) ?? start;
    chain.unshift(at);
  }
  return chain.flatMap((index) => header.paths[index]?.storePath ?? []);
}

/** Finds what in one store path names another: symbolic links by their target, files by their content. */
async function findReasons(
  bundle: OpenBundle,
  members: readonly Member[],
  { from, to, signal }: { readonly from: StorePath; readonly to: StorePath; readonly signal: AbortSignal },
): Promise<string[]> {
  const hash = storePathBase(to).slice(0, hashLength);
  const own = members.filter(({ storePath }) => storePath === from);
  const found = new Set(own.filter(({ target }) => target.includes(hash)));
  const tails = new Map<Member, Buffer>();
  await readContents(
    bundle,
    own.filter(({ kind }) => kind === 'file'),
    {
      signal,
      onContent: (file, bytes) => {
        if (found.has(file)) return;
        // A hash may begin in one frame and end in the next.
        const text = Buffer.concat([tails.get(file) ?? Buffer.alloc(0), bytes]);
        if (text.includes(hash)) found.add(file);
        else tails.set(file, Buffer.from(text.subarray(Math.max(0, text.length - hashLength + 1))));
      },
    },
  );
  return [...found].map(memberPath).sort().slice(0, reasonsShown);
}
