import { SaddlebagError } from '../../core/errors.ts';

/** The fields of the SDK's errors that are looked at. The rest may hold key ids, signatures and the signed request. */
export interface SdkFailure {
  readonly name?: string;
  readonly code?: string;
  readonly message?: string;
  readonly $metadata?: { readonly httpStatusCode?: number; readonly requestId?: string };
  readonly $response?: { readonly headers?: Readonly<Record<string, string | undefined>> };
}

/** True for the answers to a conditional write that mean: someone has stored this key already, or is just doing so. */
export function isTaken(cause: unknown): boolean {
  const { name } = rootFailure(cause);
  return name === 'PreconditionFailed' || name === 'ConditionalRequestConflict';
}

/** True when the server no longer knows the multipart upload: it was completed or aborted. */
export function isUploadGone(cause: unknown): boolean {
  return rootFailure(cause).name === 'NoSuchUpload';
}

/** True when a part of an upload is not the one that was sent: another publisher has put its own in its place. */
export function isPartReplaced(cause: unknown): boolean {
  return rootFailure(cause).name === 'InvalidPart';
}

const transientNames: ReadonlySet<string> = new Set([
  'BadDigest',
  'IncompleteBody',
  'InternalError',
  'RequestTimeout',
  'ServiceUnavailable',
  'SlowDown',
  'SlowDownRead',
  'SlowDownWrite',
  'TimeoutError',
  'XAmzContentChecksumMismatch',
  'XAmzContentSHA256Mismatch',
]);

const transientCodes: ReadonlySet<string> = new Set([
  'EAI_AGAIN',
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EPIPE',
  'ERR_STREAM_PREMATURE_CLOSE',
  'ETIMEDOUT',
]);

/**
 * True for failures that may pass: broken connections, answers that are cut off, a server that is busy or fails. Damage on
 * the way is one as well, but not a full disk.
 */
export function isTransient(cause: unknown): boolean {
  if (cause instanceof SaddlebagError) return false;
  const { name = '', code = '', $metadata } = rootFailure(cause);
  if (transientNames.has(name) || transientCodes.has(code)) return true;
  const status = $metadata?.httpStatusCode;
  if (status === undefined) return false;
  if (status === 429 || status === 500 || (status >= 502 && status <= 504)) return true;
  // An answer that begins well and ends early is no XML.
  return status < 300;
}

/** True when there is no such object in a bucket that exists. */
export function isObjectMissing(cause: unknown): boolean {
  return rootFailure(cause).name === 'NoSuchKey';
}

/** True when a first byte was asked for and the object has none. */
export function isObjectEmpty(cause: unknown): boolean {
  return rootFailure(cause).name === 'InvalidRange';
}

/** True when the server has answered, if only with a refusal. */
export function isAnswer(cause: unknown): boolean {
  return rootFailure(cause).$metadata?.httpStatusCode !== undefined;
}

/** Returns the error that says what happened. */
export function rootFailure(cause: unknown): SdkFailure {
  // Node joins the failures of all addresses of a host name into one error, whose own code is that of the first.
  if (cause instanceof AggregateError && cause.errors.length > 0 && !('code' in cause))
    return cause.errors[0];
  return typeof cause === 'object' && cause !== null ? cause : { message: String(cause) };
}
