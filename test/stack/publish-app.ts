import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Artifact } from '../../src/core/types.ts';
import { askDownloadBy } from '../../src/publish/download.ts';
import { publish } from '../../src/publish/publish.ts';
import { openS3Store } from '../../src/publish/s3/store.ts';
import { testContext } from '../helpers/context.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';
import type { AppServer } from './app-server.ts';
import type { Minio } from './minio.ts';

/** Of every object that `publishApp` makes; has what a URL must escape. */
export const appPrefix = 'we b+1';

/** Publishes a release of the test app, one that runs until it is stopped, and returns its Artifact and its key. */
export async function publishApp(
  apps: AppServer,
  place: { readonly minio: Minio; readonly bucket: string },
  appVersion: string,
): Promise<{ readonly artifact: Artifact; readonly key: string }> {
  const released = apps.release(appVersion, `say ${appVersion}`);
  const file = join(await temporaryDirectory(), 'app');
  const content = await (await fetch(released.url)).bytes();
  await writeFile(file, content);
  const bundle = {
    ...released,
    file,
    crc32: crc32(content),
    sha256: released.checksum.slice('sha256:'.length),
    entrypoint: { interpreter: null, init: false },
  };
  const store = await openS3Store({ bucket: place.bucket, endpoint: place.minio.endpoint });
  return publish({ bundle, store, prefix: appPrefix, ask: askDownloadBy(fetch) }, testContext());
}
