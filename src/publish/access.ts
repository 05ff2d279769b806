import type { WarningCode } from '../core/codes.ts';
import type { Context } from '../core/context.ts';
import type { Artifact } from '../core/types.ts';
import { type AskDownload, type DownloadAnswer, s3Source } from './download.ts';
import type { Store } from './store.ts';

/** What decides how clients fetch. */
export interface AccessOptions {
  readonly store: Pick<Store, 'bucket' | 'downloadBase'>;
  /** What clients find the keys below, instead of the store's own; no slash at its end. */
  readonly downloadBase?: string;
  readonly ask?: AskDownload;
  /** As in `PublishOptions`. */
  readonly isSigned?: boolean;
}

/**
 * Asks for an artifact as Nomad's clients would, without credentials, and returns it with a source that they can use:
 * its URL where that is readable, `s3::…` where it is refused. Warns of what stands in the way.
 */
export async function settleAccess(
  options: AccessOptions,
  { key, artifact }: { readonly key: string; readonly artifact: Artifact },
  { reporter, signal }: Pick<Context, 'reporter' | 'signal'>,
): Promise<Artifact> {
  const answer = await options.ask?.(artifact.url, artifact.sizeBytes, signal);
  if (answer === undefined || answer.kind === 'readable') return artifact;
  const source = needsCredentials(answer) ? privateSource(options, key, artifact.checksum) : undefined;
  if (options.isSigned === true && source !== undefined) return { ...artifact, source };
  const [code, message, hint] = explain(artifact, answer, source !== undefined);
  reporter.report({ kind: 'warning', stage: 'publish', code, message, hint });
  return source === undefined ? artifact : { ...artifact, source };
}

function needsCredentials(answer: DownloadAnswer): boolean {
  return answer.kind === 'refused' && (answer.status === 401 || answer.status === 403);
}

function privateSource(
  { store, downloadBase }: AccessOptions,
  key: string,
  checksum: string,
): string | undefined {
  const { bucket } = store;
  return bucket && s3Source({ base: downloadBase ?? store.downloadBase, ...bucket }, key, checksum);
}

function explain(
  { url, sizeBytes }: Artifact,
  answer: Exclude<DownloadAnswer, { readonly kind: 'readable' }>,
  hasSource: boolean,
): readonly [WarningCode, string, string] {
  if (needsCredentials(answer)) {
    return hasSource
      ? [
          'download-refused',
          `${url} needs credentials, so the source is for clients that have some (s3::)`,
          'deploy with --s3-variable (a Nomad variable, from 1.11 on), give the clients credentials or an instance profile, or allow anonymous reads; docs/publish.md has each',
        ]
      : [
          'download-refused',
          `${url} needs credentials, and Nomad cannot be told to sign for it`,
          'allow anonymous reads of what is below it, or publish without --download-url',
        ];
  }
  if (answer.kind === 'refused') {
    return [
      'download-missing',
      `${url} answers ${answer.status}`,
      'check that --download-url serves what --to holds',
    ];
  }
  if (answer.kind === 'other-size') {
    return [
      'download-differs',
      `${url} has ${answer.sizeBytes} bytes instead of ${sizeBytes}`,
      'check that --download-url serves what --to holds, and that no proxy on the way changes it',
    ];
  }
  return [
    'download-unreachable',
    `${url} cannot be reached from here: ${answer.reason}`,
    "start what serves it (saddlebag serve FOLDER), or pass --download-url with the name that Nomad's clients use",
  ];
}
