import type { Context } from '../../core/context.ts';
import { SaddlebagError } from '../../core/errors.ts';
import { fetchFromHere } from '../../publish/connection.ts';
import { askFirstByte } from '../../publish/download.ts';
import { orInterrupted } from './or-interrupted.ts';

type Answer = Awaited<ReturnType<typeof askFirstByte>>;

/**
 * Asks for what the clients are about to fetch without credentials, and refuses a job for which it is not there: Nomad
 * would stop what runs before it finds out. Of anything else only a warning is given: clients may be in another network,
 * where a bucket lets them in or a name leads elsewhere.
 * @throws {SaddlebagError} `object-missing`, `interrupted`
 */
export async function checkDownloads(
  jobId: string,
  urls: readonly string[],
  context: Context,
): Promise<void> {
  if (urls.length === 0) return;
  const send = await fetchFromHere(context.env);
  for (const url of urls) {
    const answer = await orInterrupted(jobId, context, () => ask(url, send, context));
    if (answer.kind === 'refused' && (answer.status === 404 || answer.status === 410)) {
      throw new SaddlebagError(
        'object-missing',
        `cannot deploy ${jobId}: what it would fetch is not there: ${withoutQuery(url)} answers ${answer.status}`,
        {
          hint: 'publish it again, or check that --download-url serves what --to holds; nothing was submitted',
        },
      );
    }
    warn(url, answer, context);
  }
}

async function ask(url: string, send: typeof fetch | SaddlebagError, { signal }: Context): Promise<Answer> {
  return send instanceof SaddlebagError
    ? { kind: 'unreachable', reason: send.message }
    : askFirstByte(url, send, signal);
}

function warn(url: string, answer: Answer, { reporter }: Context): void {
  if (answer.kind === 'readable') return;
  const isLocked = answer.kind === 'refused' && (answer.status === 401 || answer.status === 403);
  const reason = answer.kind === 'refused' ? `it answers ${answer.status}` : answer.reason;
  reporter.report({
    kind: 'warning',
    stage: 'deploy',
    code: isLocked ? 'download-refused' : 'download-unreachable',
    message: `${withoutQuery(url)} cannot be fetched from here: ${reason}`,
    hint: isLocked ? hintOfLocked(url) : unreachableHint,
  });
}

const unreachableHint =
  'no harm where the clients reach it; else start what serves it (saddlebag serve FOLDER), or publish with a --download-url that they know';

function hintOfLocked(url: string): string {
  return url === withoutQuery(url)
    ? 'clients ask without credentials as well: unless their network is let in, allow anonymous reads, or publish without --download-url'
    : 'its signature no longer holds, or was cut: publish with --presign for a fresh link';
}

/** A query may hold a signature. */
function withoutQuery(url: string): string {
  return url.replace(/\?.*/s, '');
}
