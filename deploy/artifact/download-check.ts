import { SaddlebagError } from '../../src/core/errors.ts';
import type { Nomad } from '../nomad/nomad.ts';
import { type ArtifactSource, isLoopback } from './artifact-source.ts';

/** What a loopback download URL means, and what to do about it. */
export const loopbackHint =
  'publish with --download-url http://HOST:PORT, by a name of this host that the clients know';

/**
 * Refuses an artifact that is served on loopback when the job may run on another host: that client would ask itself for
 * it. An agent on loopback that knows a single node is that very host.
 * @throws {SaddlebagError} `download-url-loopback`; what the API throws, but for a token that may not list nodes
 */
export async function checkDownloadUrl(nomad: Nomad, source: ArtifactSource): Promise<void> {
  if (!isLoopback(source.hostname)) return;
  const { connection } = nomad;
  if (isLoopback(connection.hostname) && (await hasOneNode(nomad))) return;
  throw new SaddlebagError(
    'download-url-loopback',
    `cannot deploy ${source.url}: only this host can fetch it, and Nomad at ${connection.address} has others`,
    { hint: loopbackHint },
  );
}

async function hasOneNode(nomad: Nomad): Promise<boolean> {
  try {
    return (await nomad.countNodes()) <= 1;
  } catch (cause) {
    // A token for one namespace can't list nodes; the agent on this host is the better guess then.
    if (cause instanceof SaddlebagError && cause.code === 'nomad-forbidden') return true;
    throw cause;
  }
}
