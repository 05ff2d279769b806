import type { ErrorCode } from '../../core/codes.ts';
import { SaddlebagError } from '../../core/errors.ts';
import { connectionReasons } from '../connection-reasons.ts';
import { rootFailure, type SdkFailure } from './sdk-failure.ts';

/** What was asked of the server, for its error. */
export interface S3Action {
  readonly verb: 'read' | 'write' | 'remove';
  /** `s3://bucket/key`. */
  readonly object: string;
  /** URL of the bucket. */
  readonly endpoint: string;
}

interface Finding {
  readonly code: ErrorCode;
  readonly reason: string;
  readonly hint?: string;
}

/**
 * Translates what the AWS SDK threw into an error of ours: `bucket-missing`, `access-denied`, `credentials-missing`,
 * `credentials-invalid`, `region-wrong`, `region-missing`, `clock-skewed`, `storage-full`, `transfer-damaged`,
 * `endpoint-unreachable`, `endpoint-timeout`, `endpoint-not-s3`, `certificate-invalid`, `server-busy`, or `store-failed`
 * for what none of these says. The SDK's error is not passed on as the cause, since it may hold secrets: the cause
 * holds its name, status and request id.
 */
export function s3Failure(cause: unknown, action: S3Action): SaddlebagError {
  if (cause instanceof SaddlebagError) return cause;
  const failure = rootFailure(cause);
  const finding = findByName(failure) ?? findByConnection(failure, action.endpoint) ?? findByStatus(failure);
  const { code, reason, hint } = finding ?? {
    code: 'store-failed',
    reason: ownWords(failure),
    hint: undefined,
  };
  return new SaddlebagError(code, `cannot ${action.verb} ${action.object}: ${reason}`, {
    cause: withoutSecrets(failure),
    ...(hint === undefined ? {} : { hint }),
  });
}

const accessHint =
  'the credentials need s3:GetObject, s3:PutObject, s3:ListBucket and s3:AbortMultipartUpload on this bucket';
const credentialsHint = 'check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE and its files';
const tokenHint = 'sign in again, or renew AWS_SESSION_TOKEN';
const spaceHint = 'free space on the server, or raise its quota';

/** By the names that S3 and MinIO answer. Source: Amazon S3 API reference, "Error responses"; MinIO's api-errors.go. */
const findings: Readonly<Record<string, Finding>> = {
  NoSuchBucket: {
    code: 'bucket-missing',
    reason: 'the bucket does not exist',
    hint: 'create it, or check the bucket in --to and the server in --endpoint',
  },
  InvalidBucketName: {
    code: 'bucket-missing',
    reason: 'the server takes no bucket of this name',
    hint: 'check the bucket in --to',
  },
  AccessDenied: { code: 'access-denied', reason: 'access denied', hint: accessHint },
  AllAccessDisabled: { code: 'access-denied', reason: 'all access is disabled', hint: accessHint },
  CredentialsProviderError: {
    code: 'credentials-missing',
    reason: 'no AWS credentials were found',
    hint: 'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE',
  },
  InvalidAccessKeyId: {
    code: 'credentials-invalid',
    reason: 'the server does not know the access key',
    hint: credentialsHint,
  },
  SignatureDoesNotMatch: {
    code: 'credentials-invalid',
    reason: 'the secret key does not fit the access key',
    hint: credentialsHint,
  },
  ExpiredToken: { code: 'credentials-invalid', reason: 'the session token has expired', hint: tokenHint },
  InvalidToken: { code: 'credentials-invalid', reason: 'the session token is not valid', hint: tokenHint },
  InvalidTokenId: { code: 'credentials-invalid', reason: 'the session token is not valid', hint: tokenHint },
  TokenProviderError: { code: 'credentials-missing', reason: 'the sign-in has expired', hint: tokenHint },
  RequestTimeTooSkewed: {
    code: 'clock-skewed',
    reason: "this machine's clock and the server's differ by too much",
    hint: 'set the clocks, for example with timedatectl set-ntp true',
  },
  XMinioStorageFull: { code: 'storage-full', reason: 'no space left on the server', hint: spaceHint },
  XMinioAdminBucketQuotaExceeded: {
    code: 'storage-full',
    reason: "the bucket's quota is used up",
    hint: spaceHint,
  },
  QuotaExceeded: { code: 'storage-full', reason: 'the quota is used up', hint: spaceHint },
  EntityTooLarge: { code: 'storage-full', reason: 'the server takes no object of this size' },
  BadDigest: damaged(),
  XAmzContentChecksumMismatch: damaged(),
  XAmzContentSHA256Mismatch: damaged(),
  InternalError: { code: 'server-busy', reason: 'the server failed', hint: 'run it again later' },
  SlowDown: { code: 'server-busy', reason: 'the server asks to slow down', hint: 'run it again later' },
  SlowDownRead: { code: 'server-busy', reason: 'the server asks to slow down', hint: 'run it again later' },
  SlowDownWrite: { code: 'server-busy', reason: 'the server asks to slow down', hint: 'run it again later' },
  ServiceUnavailable: {
    code: 'server-busy',
    reason: 'the server is not available',
    hint: 'run it again later',
  },
  RequestTimeout: {
    code: 'server-busy',
    reason: 'the server waited too long for what was sent',
    hint: 'run it again when the line is better',
  },
  IncompleteBody: damaged(),
};

function damaged(): Finding {
  return {
    code: 'transfer-damaged',
    reason: 'the bytes that arrived are not those that were sent',
    hint: 'run it again; if it stays so, look at proxies between here and the server',
  };
}

function findByName(failure: SdkFailure): Finding | undefined {
  const name = failure.name ?? '';
  if (name === 'Error' && failure.message === 'Region is missing') return regionMissing;
  if (['PermanentRedirect', 'TemporaryRedirect', 'AuthorizationHeaderMalformed', '301'].includes(name)) {
    const region = failure.$response?.headers?.['x-amz-bucket-region'];
    return {
      code: 'region-wrong',
      reason:
        region === undefined ? 'the bucket is in another region' : `the bucket is in the region ${region}`,
      hint: region === undefined ? 'pass --region' : `pass --region ${region}`,
    };
  }
  return Object.hasOwn(findings, name) ? findings[name] : undefined;
}

const regionMissing: Finding = {
  code: 'region-missing',
  reason: 'no region is set',
  hint: 'pass --region, or set AWS_REGION',
};

const certificateCodes = new Set([
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

function findByConnection(failure: SdkFailure, endpoint: string): Finding | undefined {
  const code = failure.code ?? '';
  if (certificateCodes.has(code)) {
    return {
      code: 'certificate-invalid',
      reason: `the certificate of ${endpoint} is not trusted (${code})`,
      hint: 'for a certificate authority of your own, pass --ca-file FILE or set AWS_CA_BUNDLE to it',
    };
  }
  const reason = connectionReasons[code];
  if (reason !== undefined) {
    return {
      code: 'endpoint-unreachable',
      reason: `cannot reach ${endpoint}: ${reason}`,
      hint: 'check --endpoint or AWS_ENDPOINT_URL, and that the server runs',
    };
  }
  // The SDK gives this name to refused and reset connections as well, hence the order.
  return failure.name === 'TimeoutError'
    ? {
        code: 'endpoint-timeout',
        reason: `${endpoint} does not answer`,
        hint: 'check --endpoint or AWS_ENDPOINT_URL, and proxies and firewalls on the way',
      }
    : undefined;
}

function findByStatus(failure: SdkFailure): Finding | undefined {
  const status = failure.$metadata?.httpStatusCode;
  // What is not S3 answers in HTML, JSON or nothing: the SDK then has no code, or an error of its XML parser.
  const named = failure.name !== undefined && !unnamed.has(failure.name) && !/^\d*$/.test(failure.name);
  if (status === undefined || named) return undefined;
  if (status >= 500 || status === 429) {
    return { code: 'server-busy', reason: `the server answered ${status}`, hint: 'run it again later' };
  }
  if (status === 403) return findings.AccessDenied;
  return {
    code: 'endpoint-not-s3',
    reason: `the endpoint answered ${status}, but not as S3 does`,
    hint: 'check --endpoint: it is the URL of the API, not of a console',
  };
}

const unnamed: ReadonlySet<string> = new Set([
  'Error',
  'Forbidden',
  'NotFound',
  'S3ServiceException',
  'SyntaxError',
  'TypeError',
  'Unknown',
  'UnknownError',
]);

function ownWords(failure: SdkFailure): string {
  const status = failure.$metadata?.httpStatusCode;
  const name = failure.name === undefined || unnamed.has(failure.name) ? '' : `${failure.name}: `;
  return `${name}${failure.message ?? 'unknown reason'}${status === undefined ? '' : ` (HTTP ${status})`}`;
}

function withoutSecrets(failure: SdkFailure): Error {
  const { httpStatusCode, requestId } = failure.$metadata ?? {};
  const parts = [
    failure.name ?? 'Error',
    failure.code,
    httpStatusCode === undefined ? undefined : `HTTP ${httpStatusCode}`,
    requestId === undefined ? undefined : `request ${requestId}`,
  ];
  return new Error(parts.filter((part) => part !== undefined).join(', '));
}
