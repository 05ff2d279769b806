import { parseDuration } from '../../../deploy/job/duration.ts';
import { exitCodes, SaddlebagError } from '../../core/errors.ts';
import { parseTimeSpan } from '../../core/units.ts';
import { parseLabels } from '../../publish/labels.ts';
import type { ObjectAttributes } from '../../publish/s3/attributes.ts';

/** The flags that say how a publication is stored and reached. */
export interface PublishSettingsFlags {
  /** How long to go on without progress, `30s`. */
  readonly timeout?: string | undefined;
  /** `NAME=VALUE` each. */
  readonly label?: readonly string[] | undefined;
  /** How long a signed URL is to work, `12h`. */
  readonly presign?: string | undefined;
  readonly sse?: 'AES256' | 'aws:kms' | 'aws:kms:dsse' | undefined;
  readonly sseKmsKeyId?: string | undefined;
  readonly storageClass?: string | undefined;
  /** `GOVERNANCE:30d` or `COMPLIANCE:1w`. */
  readonly objectLock?: string | undefined;
}

/** The same, checked. */
export interface PublishSettings {
  readonly stallMs: number | undefined;
  readonly labels: Readonly<Record<string, string>>;
  /** Null: no URL is signed. */
  readonly presignSeconds: number | null;
  /** Undefined where the bucket's defaults are good enough. */
  readonly attributes: ObjectAttributes | undefined;
}

/** 500 hours: Node's timers hold 31 bits of milliseconds. */
const mostTimeoutMs = 1_800_000_000;

/** Source: Amazon S3 User Guide, "Download and upload objects with presigned URLs". */
const mostPresignSeconds = 7 * 24 * 3600;

/**
 * Checks how a publication is stored; `now` is when its retention begins.
 * @throws {SaddlebagError} `timeout-invalid`, `label-invalid`, `presign-invalid`, `retention-invalid`, `flag-unused`
 */
export function parsePublishSettings(flags: PublishSettingsFlags, now: Date): PublishSettings {
  return {
    stallMs: parseTimeout(flags.timeout),
    labels: parseLabels(flags.label ?? []),
    presignSeconds: parsePresign(flags.presign),
    attributes: parseAttributes(flags, now),
  };
}

function parseTimeout(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const timeoutMs = parseDuration(text);
  if (timeoutMs !== undefined && timeoutMs > 0 && timeoutMs <= mostTimeoutMs) return timeoutMs;
  throw usage(
    'timeout-invalid',
    `cannot publish: --timeout: expected a duration like 30s, up to 500h, got "${text}"`,
    'see saddlebag publish --help',
  );
}

function parsePresign(text: string | undefined): number | null {
  if (text === undefined) return null;
  const seconds = (parseTimeSpan(text) ?? 0) / 1000;
  if (seconds >= 1 && seconds <= mostPresignSeconds) return seconds;
  throw usage(
    'presign-invalid',
    `cannot sign a URL: --presign: expected a duration of at most 7d, got "${text}"`,
    'no server signs for longer; clients that fetch later need credentials (deploy --s3-variable) or a public URL',
  );
}

function parseAttributes(flags: PublishSettingsFlags, now: Date): ObjectAttributes | undefined {
  const { objectLock, sse, sseKmsKeyId, storageClass } = flags;
  if (sseKmsKeyId !== undefined && !sse?.startsWith('aws:kms')) {
    throw usage(
      'flag-unused',
      'cannot use --sse-kms-key-id: only --sse aws:kms encrypts with a key',
      'add --sse aws:kms',
    );
  }
  const attributes: ObjectAttributes = {
    ...(sse === undefined ? {} : { sse }),
    ...(sseKmsKeyId === undefined ? {} : { sseKmsKeyId }),
    // Servers have classes of their own, which the SDK's list does not know.
    ...(storageClass === undefined ? {} : { storageClass: storageClass as 'STANDARD' }),
    ...(objectLock === undefined ? {} : { retention: parseRetention(objectLock, now) }),
  };
  return Object.keys(attributes).length === 0 ? undefined : attributes;
}

function parseRetention(text: string, now: Date): NonNullable<ObjectAttributes['retention']> {
  const [mode = '', span = ''] = text.split(':');
  const known = (['GOVERNANCE', 'COMPLIANCE'] as const).find((name) => name === mode.toUpperCase());
  const spanMs = parseTimeSpan(span);
  if (known !== undefined && spanMs !== undefined && spanMs > 0) {
    return { mode: known, until: new Date(now.getTime() + spanMs) };
  }
  throw usage(
    'retention-invalid',
    `cannot lock objects: --object-lock: expected governance:30d or compliance:30d, got "${text}"`,
    'the bucket must have been made with object lock',
  );
}

function usage(
  code: 'timeout-invalid' | 'presign-invalid' | 'retention-invalid' | 'flag-unused',
  message: string,
  hint: string,
) {
  return new SaddlebagError(code, message, { hint, exitCode: exitCodes.usage });
}
