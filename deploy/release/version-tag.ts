import type { Nomad } from '../nomad/nomad.ts';
import { describeProvenance, type Provenance, staleTags, tagName } from '../running/job-history.ts';
import { optional } from './investigation.ts';

/** Nomad never collects a version that has a tag: the older ones lose theirs. */
const keptTags = 10;

/**
 * Notes beside a version who deployed it and of which revision. In the job itself it would make each deploy a change.
 * Never fails: Nomad has tags from 1.9 on, and the token may not set them.
 */
export async function tagVersion(
  nomad: Nomad,
  job: { readonly id: string; readonly version: number },
  provenance: Provenance,
): Promise<void> {
  const description = describeProvenance(provenance);
  if (description === '') return;
  const { id, version } = job;
  const tag = { version, name: tagName(version), description };
  if ((await optional(nomad.tagVersion(id, tag).then(() => true))) === null) return;
  const versions = (await optional(nomad.readVersions(id))) ?? [];
  await Promise.all(staleTags(versions, keptTags).map((name) => optional(nomad.untagVersion(id, name))));
}
