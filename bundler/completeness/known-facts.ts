import { sha256Hex } from '../../src/core/digest.ts';
import type { ClosurePath } from '../../src/core/types.ts';
import type { RecordCache } from '../cache/record-cache.ts';
import { type ClosureSurvey, surveyPath } from '../fingerprint.ts';
import { type PathFacts, readFacts } from './facts.ts';

/** What is known of a closure's files before they are read. */
export interface KnownFiles {
  readonly cache: RecordCache;
  readonly survey: ClosureSurvey;
  /** Of this Saddlebag: another version may look for more. */
  readonly toolVersion: string;
}

/** Raised when `readFacts` finds other things, or says them in another way, within one version of Saddlebag. */
const factsVersion = 1;

/**
 * Returns the facts of a store path: from the cache while its files are as they were, else by a look at each.
 * @throws {SaddlebagError} as `readFacts`
 */
export async function knownFacts(
  path: ClosurePath,
  { cache, survey, toolVersion }: KnownFiles,
  signal: AbortSignal,
): Promise<PathFacts> {
  const fingerprint = survey.paths.get(path.storePath)?.fingerprint ?? null;
  if (fingerprint === null) return readFacts(path, signal);
  const key = sha256Hex(JSON.stringify(['facts', factsVersion, toolVersion, path.storePath, fingerprint]));
  const record = await cache.read(key);
  // Behind its digest stands what the same version wrote.
  if (record !== undefined) return JSON.parse(record.toString()) as PathFacts;
  const facts = await readFacts(path, signal);
  const again = await surveyPath(path, { settledBeforeMs: survey.settledBeforeMs, signal });
  if (again.fingerprint === fingerprint) await cache.write(key, Buffer.from(JSON.stringify(facts)));
  return facts;
}
