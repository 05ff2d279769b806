import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { SaddlebagError } from '../../../../src/core/errors.ts';
import { s3Failure } from '../../../../src/publish/s3/errors.ts';
import {
  isObjectMissing,
  isTaken,
  isTransient,
  isUploadGone,
} from '../../../../src/publish/s3/sdk-failure.ts';

const action = { verb: 'write', object: 's3://apps/web', endpoint: 'https://minio.example/apps' } as const;

/** An error as the SDK throws it for an answer of the server. */
function answer(name: string, status: number, more: object = {}): Error {
  return Object.assign(new Error('words of the server'), {
    name,
    $metadata: { httpStatusCode: status, requestId: 'R1' },
    ...more,
  });
}

const network = (code: string, name = 'Error') => Object.assign(new Error(`${code} of Node`), { name, code });

describe('s3Failure', () => {
  it.each([
    [answer('NoSuchBucket', 404), 'bucket-missing', 'the bucket does not exist'],
    [answer('AccessDenied', 403), 'access-denied', 'access denied'],
    [answer('Forbidden', 403), 'access-denied', 'access denied'],
    [answer('ExpiredToken', 400), 'credentials-invalid', 'the session token has expired'],
    [
      answer('RequestTimeTooSkewed', 403),
      'clock-skewed',
      "this machine's clock and the server's differ by too much",
    ],
    [answer('XMinioStorageFull', 507), 'storage-full', 'no space left on the server'],
    [answer('BadDigest', 400), 'transfer-damaged', 'the bytes that arrived are not those that were sent'],
    [answer('SlowDown', 503), 'server-busy', 'the server asks to slow down'],
    [answer('UnknownError', 502), 'server-busy', 'the server answered 502'],
    [answer('429', 429), 'server-busy', 'the server answered 429'],
    [answer('NotFound', 404), 'endpoint-not-s3', 'the endpoint answered 404, but not as S3 does'],
    [answer('NewKind', 400), 'store-failed', 'NewKind: words of the server (HTTP 400)'],
    [new Error('Region is missing'), 'region-missing', 'no region is set'],
    [
      network('CERT_HAS_EXPIRED'),
      'certificate-invalid',
      'the certificate of https://minio.example/apps is not trusted (CERT_HAS_EXPIRED)',
    ],
    [
      network('ENOTFOUND'),
      'endpoint-unreachable',
      'cannot reach https://minio.example/apps: the name of its host cannot be resolved',
    ],
    [
      network('ECONNREFUSED', 'TimeoutError'),
      'endpoint-unreachable',
      'cannot reach https://minio.example/apps: connection refused',
    ],
    [
      Object.assign(new Error('idle'), { name: 'TimeoutError' }),
      'endpoint-timeout',
      'https://minio.example/apps does not answer',
    ],
    [
      new AggregateError([network('ECONNREFUSED')]),
      'endpoint-unreachable',
      'cannot reach https://minio.example/apps: connection refused',
    ],
    ['thrown text', 'store-failed', 'thrown text'],
  ])('translates %s to %s', (cause, code, reason) => {
    const failure = s3Failure(cause, action);
    expect(failure.code).toBe(code);
    expect(failure.message).toBe(`cannot write s3://apps/web: ${reason}`);
  });

  it('names the region where the bucket is', () => {
    const $response = { headers: { 'x-amz-bucket-region': 'eu-west-1' } };
    const failure = s3Failure(answer('PermanentRedirect', 301, { $response }), action);
    expect(failure.code).toBe('region-wrong');
    expect(failure.message).toBe('cannot write s3://apps/web: the bucket is in the region eu-west-1');
    expect(failure.hint).toBe('pass --region eu-west-1');
  });

  it('passes on what is ours already', () => {
    const ours = new SaddlebagError('file-changed', 'cannot publish web: it changed');
    expect(s3Failure(ours, action)).toBe(ours);
  });

  it('keeps name, status and request id, and nothing that could be a secret', () => {
    const secrets = {
      AWSAccessKeyId: 'AKIASECRET',
      StringToSign: 'AWS4-HMAC-SHA256 AKIASECRET',
      $response: { headers: { authorization: 'AKIASECRET' }, body: 'AKIASECRET' },
    };
    const failure = s3Failure(answer('SignatureDoesNotMatch', 403, secrets), action);
    expect(inspect(failure, { depth: 10, showHidden: true })).not.toContain('AKIASECRET');
    expect(failure.cause).toMatchObject({ message: 'SignatureDoesNotMatch, HTTP 403, request R1' });
  });
});

describe('what an answer means', () => {
  it('knows a key that is taken, or just being taken', () => {
    expect(isTaken(answer('PreconditionFailed', 412))).toBe(true);
    expect(isTaken(answer('ConditionalRequestConflict', 409))).toBe(true);
    expect(isTaken(answer('AccessDenied', 403))).toBe(false);
  });

  it('knows a missing object from a missing bucket', () => {
    expect(isObjectMissing(answer('NoSuchKey', 404))).toBe(true);
    expect(isObjectMissing(answer('NoSuchBucket', 404))).toBe(false);
  });

  it('knows an upload that is over', () => {
    expect(isUploadGone(answer('NoSuchUpload', 404))).toBe(true);
    expect(isUploadGone(answer('NoSuchKey', 404))).toBe(false);
  });

  it.each<[string, unknown]>([
    ['a connection that was refused', Object.assign(new Error('x'), { code: 'ECONNREFUSED' })],
    ['one that broke', Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' })],
    [
      'all addresses of a host refused',
      new AggregateError([Object.assign(new Error('x'), { code: 'ECONNREFUSED' })]),
    ],
    ['no answer', Object.assign(new Error('x'), { name: 'TimeoutError' })],
    ['a server that is busy', answer('SlowDown', 503)],
    ['one that fails', answer('InternalError', 500)],
    ['one behind a proxy that fails', answer('UnknownError', 502)],
    ['too many requests', answer('UnknownError', 429)],
    ['a server that is being started', answer('ServiceUnavailable', 503)],
    ['a request that came too slowly', answer('RequestTimeout', 400)],
    ['one whose end was missing', answer('IncompleteBody', 400)],
    ['a connection that timed out', Object.assign(new Error('x'), { code: 'ETIMEDOUT' })],
    ['one that was given up', Object.assign(new Error('x'), { code: 'ECONNABORTED' })],
    ['one that ended early', Object.assign(new Error('x'), { code: 'ERR_STREAM_PREMATURE_CLOSE' })],
    ['bytes that were damaged', answer('XAmzContentChecksumMismatch', 400)],
    ['an answer that was cut off', answer('SyntaxError', 200)],
  ])('takes %s for what may pass, and says what to do where it does not', (_, cause) => {
    expect(isTransient(cause)).toBe(true);
    expect(s3Failure(cause, action)).toMatchObject({ hint: expect.any(String) });
  });

  it.each<[string, unknown]>([
    ['access denied', answer('AccessDenied', 403)],
    ['a full disk', answer('XMinioStorageFull', 507)],
    ['what the server does not know', answer('NotImplemented', 501)],
    ['a name that no one knows', Object.assign(new Error('x'), { code: 'ENOTFOUND' })],
    ['a certificate', Object.assign(new Error('x'), { code: 'CERT_HAS_EXPIRED' })],
    ['an error of ours', new SaddlebagError('file-changed', 'x')],
    ['a bug', new TypeError('x')],
  ])('takes %s for what stays', (_, cause) => {
    expect(isTransient(cause)).toBe(false);
  });
});
