import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { sha256Hex } from '../../src/core/digest.ts';
import { SaddlebagError } from '../../src/core/errors.ts';
import type { Bundle } from '../../src/core/types.ts';
import { type Publishable, publish } from '../../src/publish/publish.ts';
import { recordRelease } from '../../src/publish/releases/store.ts';
import { openS3Store } from '../../src/publish/s3/store.ts';
import { builtCli, saddlebag } from '../helpers/cli.ts';
import { testContext } from '../helpers/context.ts';
import { describeWith } from '../helpers/needs.ts';
import { seeded } from '../helpers/random.ts';
import { bundleRandom, writeLibrary } from '../helpers/random-bundle.ts';
import { credentialsEnv, setCredentials } from '../helpers/s3-credentials.ts';
import { suiteDirectory, temporaryDirectory } from '../helpers/temporary.ts';
import { writePublishable } from '../src/publish/publishable.ts';
import { type Fault, startFaultyProxy } from '../stack/faulty-proxy.ts';
import { type Minio, startMinio } from '../stack/minio.ts';

const mebibyte = 1 << 20;

/** How much is tried. */
export interface FaultCounts {
  /** Moments at which a publisher is killed. */
  readonly kills: number;
  /** Lines that break, each in its own way. */
  readonly lines: number;
}

/**
 * Publishes to a real MinIO while publishers are killed and lines break.
 */
export function describeFaults({ kills, lines }: FaultCounts): void {
  describeWith(['minio'], 'publishing when things go wrong', () => {
    const place = suiteDirectory();
    let minio: Minio;
    let bundle: Bundle;
    let env: Record<string, string>;

    beforeAll(async () => {
      minio = await startMinio();
      await minio.makeBucket('apps');
      env = credentialsEnv(minio);
      setCredentials(minio);
      const libraries = [await writeLibrary(place(), 'a', 64 * mebibyte)];
      bundle = await bundleRandom({ libraries, app: '1', directory: join(place(), 'bundle') });
    });
    afterAll(() => minio?.stop());

    const objectsBelow = async (prefix: string) => {
      const { Contents = [] } = await minio.client.listObjectsV2({ Bucket: 'apps', Prefix: `${prefix}/` });
      return Contents.map(({ Key = '' }) => Key.slice(prefix.length + 1)).sort();
    };
    const openUploads = async (): Promise<readonly (string | undefined)[]> =>
      ((await minio.client.listMultipartUploads({ Bucket: 'apps' })).Uploads ?? []).map(({ Key }) => Key);
    const storedDigest = async (Key: string): Promise<string | undefined> => {
      const answer = await minio.client.getObject({ Bucket: 'apps', Key }).catch(() => undefined);
      return answer && sha256Hex((await answer.Body?.transformToByteArray()) ?? '');
    };

    it(`is done by the next run after a kill, at each of ${kills} moments`, {
      timeout: 30_000 * kills,
    }, async () => {
      await using proxy = await startFaultyProxy(minio.endpoint);
      const random = seeded(10);
      const again: number[] = [];
      for (let index = 0; index < kills; index++) {
        const prefix = `kill-${index}`;
        const args = ['publish', bundle.file, '--to', `s3://apps/${prefix}`, '--endpoint', proxy.endpoint];
        // By bytes and not by time, so that a slow machine is killed at the same moments; the last are after all was sent.
        const afterBytes = ((index + random()) / kills) * 1.001 * bundle.sizeBytes;
        const start = proxy.sentBytes;
        await runUntil(args, env, proxy.whenSent(start + afterBytes));
        const between = proxy.sentBytes;
        const { exitCode, stderr } = await saddlebag(args, { env });
        expect(stderr).not.toContain(minio.secretKey);
        expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
        again.push(proxy.sentBytes - between);
        const file = `app/${bundle.sha256}/app-1-x86_64`;
        expect(await storedDigest(`${prefix}/${file}`)).toBe(bundle.sha256);
        expect(await openUploads()).toEqual([]);
        const beside = ['.cdx.json', '.provenance.json', '.sha256'].map((ending) => `${file}${ending}`);
        expect(await objectsBelow(prefix)).toEqual(
          [file, ...beside, 'app/latest.json', 'app/releases.json'].sort(),
        );
      }
      // What is in flight is lost, four parts of eight; the later ones have something to go on from.
      expect(again.at(-1)).toBeLessThan(0.8 * bundle.sizeBytes);
    });

    it(`completes over ${lines} lines that break, or says why not`, { timeout: 60_000 * lines }, async () => {
      await using proxy = await startFaultyProxy(minio.endpoint);
      const outcomes = { done: 0, failed: 0 };
      const small = await writePublishable(await temporaryDirectory(), { sizeBytes: 20 * mebibyte + 1 });
      for (let seed = 1; seed <= lines; seed++) {
        const prefix = `line-${seed}`;
        const random = seeded(seed);
        proxy.setFaults(() => pickFault(random));
        const failure = await publishOver(proxy.endpoint, small, prefix);
        proxy.setFaults(() => ({ kind: 'none' }));
        if (failure === undefined) outcomes.done += 1;
        else {
          outcomes.failed += 1;
          expect(failure, `seed ${seed}`).toBeInstanceOf(SaddlebagError);
          expect(expectedCodes, `seed ${seed}: ${String(failure)}`).toContain(
            (failure as SaddlebagError).code,
          );
          expect((failure as SaddlebagError).message).not.toContain('\n');
          expect(inspect(failure, { depth: 10, showHidden: true })).not.toContain(minio.secretKey);
        }
        const key = `${prefix}/web/${small.sha256}/web-1.0-x86_64`;
        expect([small.sha256, ...(failure === undefined ? [] : [undefined])]).toContain(
          await storedDigest(key),
        );
        expect(await publishOver(minio.endpoint, small, prefix)).toBeUndefined();
        expect(await storedDigest(key)).toBe(small.sha256);
        expect(await openUploads()).toEqual([]);
      }
      // Lines as bad as these are mostly got over; a publisher who gave up at once would not.
      expect(outcomes.done).toBeGreaterThan(outcomes.failed);
    });
  });
}

/** What a broken line may be called. */
const expectedCodes = [
  'endpoint-unreachable',
  'endpoint-timeout',
  'server-busy',
  'store-failed',
  'transfer-damaged',
  'parts-left-behind',
];

function pickFault(random: () => number): Fault {
  const kind = random();
  if (kind < 0.1) return { kind: 'refuse', status: [429, 500, 502, 503][Math.floor(random() * 4)] ?? 500 };
  if (kind < 0.2) return { kind: 'truncate', afterReceivedBytes: Math.floor(random() * 1000) };
  if (kind < 0.3) return { kind: 'delay', durationMs: 50 + random() * 400 };
  return { kind: 'drop', afterSentBytes: Math.floor(random() * 30 * mebibyte) };
}

async function publishOver(endpoint: string, bundle: Publishable, prefix: string): Promise<unknown> {
  const timeouts = { connectMs: 2_000, idleMs: 2_000, stallMs: 8_000 };
  const context = testContext();
  try {
    const store = await openS3Store({ bucket: 'apps', endpoint, timeouts });
    const { artifact } = await publish({ bundle, store, prefix }, context);
    const release = {
      artifact,
      publishedAt: new Date(0).toISOString(),
      publishedBy: null,
      revision: null,
      labels: {},
    };
    await recordRelease({ store, prefix, name: artifact.name }, release, context);
    return undefined;
  } catch (cause) {
    return cause;
  }
}

/** Starts the built command and kills it as `kill -9` does, unless it has ended before. */
async function runUntil(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  moment: Promise<void>,
): Promise<void> {
  const child: ChildProcess = spawn(process.execPath, [builtCli, ...args], {
    env: { ...process.env, ...env },
    stdio: 'ignore',
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const ended = once(child, 'exit');
  await Promise.race([moment, ended]);
  child.kill('SIGKILL');
  await ended;
}
