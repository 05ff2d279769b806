import { Readable } from 'node:stream';
import type { S3, S3ClientConfig } from '@aws-sdk/client-s3';
import { SaddlebagError } from '../../core/errors.ts';
import { agentsFor, type Connection, directConnection } from '../connection.ts';
import { limited } from '../store.ts';
import { addAttributes, type ObjectAttributes } from './attributes.ts';
import { s3Failure } from './errors.ts';
import { PartBody, payloadHashHeader } from './part-body.ts';

/**
 * How to reach a bucket. What is left out, and all credentials, come from the usual AWS variables, files and instance, by
 * the SDK's rules. No profile here: given to the SDK, it has no say in the endpoint (tried); AWS_PROFILE has.
 */
export interface S3Options {
  readonly bucket: string;
  /** URL of a server other than AWS. */
  readonly endpoint?: string;
  readonly region?: string;
  /** `https://server/bucket/key` rather than `https://bucket.server/key`; by default wherever the server is not AWS. */
  readonly pathStyle?: boolean;
  readonly timeouts?: S3Timeouts;
  /** Default: directly. */
  readonly connection?: Connection;
  /** Sends requests without a signature, for what anyone may read or write. */
  readonly isAnonymous?: boolean;
  /** Of the objects that are stored. */
  readonly attributes?: ObjectAttributes;
}

/** How long to wait for a server, in milliseconds. */
export interface S3Timeouts {
  readonly connectMs: number;
  /** Without a byte sent or received. Not for a whole request: a part may take long on a thin line. */
  readonly idleMs: number;
  /** Until a server that has answered once is given up, whatever it does, when no byte comes further. */
  readonly stallMs: number;
}

/** Returns the timeouts for a server that is given up after `stallMs` without progress. */
export function timeoutsFor(stallMs: number): S3Timeouts {
  return { connectMs: Math.min(10_000, stallMs), idleMs: Math.min(30_000, stallMs), stallMs };
}

/** A bucket and the client that reaches it; `url` has no slash at its end. */
export interface Bucket {
  readonly client: S3;
  readonly name: string;
  readonly url: string;
  /** That of signatures. */
  readonly region: string;
  /** As in `S3Timeouts`. */
  readonly stallMs: number;
  /**
   * Whether requests sign the SHA-256 of what they send. TLS does that work already, and on the way to this very machine
   * nobody can change a byte: there, as the AWS CLI does over TLS, only the CRC-32 in the signed headers guards a part.
   * It saves a third of the time to a server on this machine, which would hash all of it as well.
   */
  readonly signsPayload: boolean;
}

/**
 * Connects to a bucket; sends nothing but what finding the credentials takes. Loads the SDK, which costs other commands
 * too much to do at their start.
 * @throws {SaddlebagError} what `s3Failure` makes, such as `credentials-missing` and `region-missing`
 */
export async function connectBucket(options: S3Options): Promise<Bucket> {
  const sdk = await import('@aws-sdk/client-s3');
  const client = new sdk.S3(clientConfig(options, {}));
  try {
    const region = await client.config.region().catch(() => undefined);
    // Which server it is decides style and need of a region; flags, variables and profiles may name it, so ask the SDK.
    const found = await bucketUrl(
      region === undefined ? new sdk.S3(clientConfig(options, { region: anyRegion })) : client,
      options.bucket,
    );
    const aws = isAws(found);
    if (region === undefined && aws) throw new Error('Region is missing');
    const settled = new sdk.S3(
      clientConfig(options, {
        region: region ?? anyRegion,
        forcePathStyle: options.pathStyle ?? !aws,
      }),
    );
    addPayloadHashes(settled);
    limitAnswers(settled);
    if (options.attributes !== undefined) addAttributes(settled, options.attributes);
    const url = await bucketUrl(settled, options.bucket);
    const { stallMs } = options.timeouts ?? usualTimeouts;
    return {
      client: settled,
      name: options.bucket,
      url,
      region: region ?? anyRegion,
      stallMs,
      signsPayload: !isGuarded(url),
    };
  } catch (cause) {
    const object = `s3://${options.bucket}`;
    throw s3Failure(cause, { verb: 'write', object, endpoint: options.endpoint ?? 'AWS' });
  } finally {
    client.destroy();
  }
}

const usualTimeouts = timeoutsFor(60_000);

/** Puts the digest of a part into its headers, where the SDK takes it from to sign it. */
function addPayloadHashes(client: S3): void {
  client.middlewareStack.add(
    (next) => (args) => {
      const { body, headers } = args.request as {
        readonly body?: unknown;
        readonly headers: Record<string, string>;
      };
      if (body instanceof PartBody && body.payloadHash !== undefined)
        headers[payloadHashHeader] = body.payloadHash;
      return next(args);
    },
    { step: 'build', name: 'saddlebag-payload-hash' },
  );
}

/** The SDK reads an answer whole before it looks at it, however long it is; only what is stored may be long. */
function limitAnswers(client: S3): void {
  client.middlewareStack.add(
    (next, { commandName }) =>
      async (args) => {
        const result = await next(args);
        const response = result.response as { body?: unknown; readonly statusCode?: number };
        const isContent = commandName === 'GetObjectCommand' && (response.statusCode ?? 0) < 300;
        if (response.body instanceof Readable && !isContent) {
          response.body = Readable.from(limited(response.body), { objectMode: false });
        }
        return result;
      },
    // Next to the connection: before the answer is read.
    { step: 'deserialize', priority: 'low', name: 'saddlebag-answer-limit' },
  );
}

function isGuarded(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === 'https:' || hostname === 'localhost' || hostname === '[::1]' || /^127\./.test(hostname);
}

/** What signatures name where no region is set; MinIO takes any, others call their only one so. */
const anyRegion = 'us-east-1';

function clientConfig(options: S3Options, settled: S3ClientConfig): S3ClientConfig {
  const { connectMs, idleMs } = options.timeouts ?? usualTimeouts;
  return {
    ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
    ...(options.region === undefined ? {} : { region: options.region }),
    ...(options.pathStyle === undefined ? {} : { forcePathStyle: options.pathStyle }),
    requestHandler: {
      connectionTimeout: connectMs,
      socketTimeout: idleMs,
      ...agentsFor(options.connection ?? directConnection),
    },
    ...(options.isAnonymous === true ? anonymous : {}),
    // Every upload carries a checksum of our choice. The SDK's own default is a trailer that older servers refuse.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // With `Expect: 100-continue` the SDK opens a connection for each part.
    expectContinueHeader: false,
    // The SDK warns on the console by default.
    logger: { trace: ignore, debug: ignore, info: ignore, warn: ignore, error: ignore },
    ...settled,
  };
}

/** The SDK has no word for it: empty credentials, and a signer that leaves the request as it is. */
const anonymous: S3ClientConfig = {
  credentials: { accessKeyId: '', secretAccessKey: '' },
  signer: { sign: async (request) => request },
};

const ignore = (): void => undefined;

/** Asks the SDK for the URL of the bucket by letting it make a request up to the point of signing. */
async function bucketUrl(client: S3, bucket: string): Promise<string> {
  let url: string | undefined;
  const stack = client.middlewareStack;
  const name = 'saddlebag-bucket-url';
  stack.add(
    () => async (args) => {
      const request = args.request as {
        readonly protocol: string;
        readonly hostname: string;
        readonly port?: number;
        readonly path: string;
      };
      const port = request.port === undefined ? '' : `:${request.port}`;
      url = `${request.protocol}//${request.hostname}${port}${request.path}`.replace(/\/+$/, '');
      return { output: { $metadata: {} }, response: {} };
    },
    { step: 'build', name },
  );
  try {
    await client.headBucket({ Bucket: bucket });
  } finally {
    stack.remove(name);
  }
  if (url === undefined) throw new SaddlebagError('store-failed', `cannot find the URL of s3://${bucket}`);
  return url;
}

function isAws(url: string): boolean {
  return /\.(amazonaws\.com|amazonaws\.com\.cn|api\.aws)$/.test(new URL(url).hostname);
}

/** An object to be, and the bucket for it. */
export interface UploadTarget {
  readonly bucket: Bucket;
  readonly key: string;
  /** Of the object, for `x-amz-meta-*`. */
  readonly metadata: Readonly<Record<string, string>>;
}
