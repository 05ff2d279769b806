import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { S3 } from '@aws-sdk/client-s3';
import { findTool } from '../helpers/needs.ts';
import { freePort } from '../helpers/port.ts';

/** A MinIO server of the test's own. */
export interface Minio {
  readonly endpoint: string;
  readonly accessKey: string;
  readonly secretKey: string;
  /** With the root credentials; the test's view behind the back of what it tests. */
  readonly client: S3;
  makeBucket(
    name: string,
    options?: { readonly public?: boolean; readonly objectLock?: boolean },
  ): Promise<void>;
  /** Ends the server and removes its data. */
  stop(): Promise<void>;
}

const startDeadlineMs = 30_000;

/** How a MinIO is set up. */
export interface MinioSettings {
  /** Where it keeps its data, instead of a directory of its own that it removes. */
  readonly data?: string;
}

/**
 * Starts a real MinIO on a free port of the loopback with an empty data directory.
 * @throws when it does not answer within half a minute, with what it wrote
 */
export async function startMinio(settings: MinioSettings = {}): Promise<Minio> {
  const binary = findTool('minio');
  if (binary === undefined) throw new Error('minio is not on PATH');
  const directory = await mkdtemp(join(tmpdir(), 'saddlebag-minio-'));
  const address = `127.0.0.1:${await freePort()}`;
  const console = `127.0.0.1:${await freePort()}`;
  const credentials = { accessKeyId: 'saddlebag-test', secretAccessKey: 'a-secret-of-the-test-only' };
  const child = spawn(
    binary,
    [
      'server',
      '--quiet',
      '--address',
      address,
      '--console-address',
      console,
      settings.data ?? join(directory, 'data'),
    ],
    {
      env: {
        PATH: process.env.PATH,
        HOME: directory,
        MINIO_ROOT_USER: credentials.accessKeyId,
        MINIO_ROOT_PASSWORD: credentials.secretAccessKey,
        // Without a key it refuses to encrypt.
        MINIO_KMS_SECRET_KEY: `test-key:${Buffer.alloc(32, 7).toString('base64')}`,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const output: string[] = [];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => output.push(chunk.toString()));
  const endpoint = `http://${address}`;
  const client = new S3({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials });
  const stop = async () => {
    client.destroy();
    await end(child);
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await untilReady(endpoint, child);
  } catch (cause) {
    await stop();
    throw new Error(`minio did not start: ${output.join('')}`, { cause });
  }
  return {
    endpoint,
    accessKey: credentials.accessKeyId,
    secretKey: credentials.secretAccessKey,
    client,
    stop,
    makeBucket: async (name, options = {}) => {
      await client.createBucket({ Bucket: name, ObjectLockEnabledForBucket: options.objectLock ?? false });
      if (options.public === true) {
        await client.putBucketPolicy({ Bucket: name, Policy: JSON.stringify(publicRead(name)) });
      }
    },
  };
}

function publicRead(bucket: string): object {
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { AWS: ['*'] },
        Action: ['s3:GetObject'],
        Resource: [`arn:aws:s3:::${bucket}/*`],
      },
    ],
  };
}

async function untilReady(endpoint: string, child: ChildProcess): Promise<void> {
  const deadline = AbortSignal.timeout(startDeadlineMs);
  for (;;) {
    deadline.throwIfAborted();
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
    // The cluster check, unlike the liveness one, waits until objects can be written.
    const ready = await fetch(`${endpoint}/minio/health/cluster`).then(
      (response) => response.ok,
      () => false,
    );
    if (ready) return;
    await delay(50, undefined, { signal: deadline });
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}
