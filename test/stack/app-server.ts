import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sha256Hex } from '../../src/core/digest.ts';
import { execProcess } from '../../src/core/exec.ts';
import type { Artifact } from '../../src/core/types.ts';
import { artifactIn } from '../helpers/artifact.ts';
import { listenOnLoopback } from '../helpers/port.ts';

const source = fileURLToPath(new URL('../fixtures/nomad/app.c', import.meta.url));

/**
 * Serves releases of the test app over HTTP on loopback; nothing below `/forbidden/`, and below `/vanishing/` a part to who
 * asks for one, and nothing to who wants it all.
 */
export interface AppServer {
  /** Makes a release whose behaviour is `line` (test/fixtures/nomad/app.c), and returns its Artifact. */
  release(appVersion: string, line: string): Artifact;
  stop(): Promise<void>;
}

/** Compiles the test app with `cc` and starts its server. */
export async function startAppServer(): Promise<AppServer> {
  const program = await compile();
  const files = new Map<string, Uint8Array>();
  const server = createServer((request, response) => {
    const { headers, url = '' } = request;
    const path = url.startsWith('/vanishing/') && headers.range !== undefined ? url.slice(10) : url;
    const content = files.get(path);
    const isForbidden = url.startsWith('/forbidden/');
    response.writeHead(isForbidden ? 403 : content === undefined ? 404 : 200).end(content);
  });
  const base = `http://127.0.0.1:${await listenOnLoopback(server)}`;
  return {
    release: (appVersion, line) => {
      const content = Buffer.concat([program, Buffer.from(`\n${line}`)]);
      const artifact = toArtifact(base, appVersion, content);
      files.set(new URL(artifact.url).pathname, content);
      return artifact;
    },
    stop: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

/** Compiles the test app, which does what the text behind its end says. */
export async function compileApp(file: string): Promise<void> {
  const { exitCode, stderr } = await execProcess('cc', ['-static', '-O1', '-o', file, source]);
  if (exitCode !== 0) throw new Error(`the test app does not compile:\n${stderr}`);
}

async function compile(): Promise<Buffer> {
  const directory = await mkdtemp(join(tmpdir(), 'saddlebag-app-'));
  try {
    const file = join(directory, 'app');
    await compileApp(file);
    return await readFile(file);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function toArtifact(base: string, appVersion: string, content: Uint8Array): Artifact {
  const arch = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
  const sha256 = sha256Hex(content);
  return artifactIn(`${base}/web/${sha256}`, {
    ...{ appVersion, arch, sha256, closureSha256: sha256 },
    sizeBytes: content.length,
  });
}
