import { type Fields, fieldsOf, isSet, listOf, textOf } from '../job/job-check/fields.ts';
import type { ArtifactSource } from './artifact-source.ts';

/** Options that a client keeps to itself; others become part of the URL, or credentials. */
const ownOptions: ReadonlySet<string> = new Set(['archive', 'checksum', 'filename']);

/**
 * Returns the URLs of those among `sources` that a job, as the API has it, fetches as anybody would: by http or https, and
 * without headers, options or leave of its own. Each once. Pure.
 * Source: hashicorp/go-getter, get_http.go.
 */
export function plainDownloads(job: unknown, sources: readonly ArtifactSource[]): readonly string[] {
  const artifacts = listOf(fieldsOf(job).TaskGroups)
    .flatMap((group) => listOf(group.Tasks))
    .flatMap((task) => listOf(task.Artifacts))
    .filter(isPlain);
  const urls = sources.map(({ url }) => url).filter((url) => /^https?:/.test(url));
  const isFetched = (url: string) => artifacts.some((one) => textOf(one.GetterSource).startsWith(url));
  return [...new Set(urls)].filter(isFetched);
}

function isPlain({ GetterHeaders, GetterInsecure, GetterOptions }: Fields): boolean {
  if (isSet(GetterHeaders) || isSet(GetterInsecure)) return false;
  return Object.keys(fieldsOf(GetterOptions)).every((name) => ownOptions.has(name));
}
