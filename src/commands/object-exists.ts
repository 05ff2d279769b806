import type { Context } from '../core/context.ts';
import { SaddlebagError } from '../core/errors.ts';
import { fetchFromHere } from '../publish/connection.ts';
import { askDownloadBy } from '../publish/download.ts';

/**
 * Asks as Nomad's clients do whether the object of an artifact is there; null where that cannot be told: a bucket that
 * wants credentials does not say.
 */
export async function objectExists(
  source: string,
  { env, signal }: Pick<Context, 'env' | 'signal'>,
): Promise<boolean | null> {
  const url = source.replace(/^(?:s3|http|https)::/, '');
  if (!/^https?:/.test(url)) return null;
  const send = await fetchFromHere(env);
  if (send instanceof SaddlebagError) return null;
  const answer = await askDownloadBy(send)(url, 0, signal);
  switch (answer.kind) {
    case 'readable':
    case 'other-size':
      return true;
    case 'refused':
      return answer.status === 404 || answer.status === 410 ? false : null;
    case 'unreachable':
      return null;
  }
}
