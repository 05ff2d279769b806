import { askDownload } from '../publish/download.ts';

/**
 * Asks as Nomad's clients do whether the object of an artifact is there; null where that cannot be told: a bucket that
 * wants credentials does not say.
 */
export async function objectExists(source: string, signal: AbortSignal): Promise<boolean | null> {
  const url = source.replace(/^(?:s3|http|https)::/, '');
  if (!/^https?:/.test(url)) return null;
  const answer = await askDownload(url, 0, signal);
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
