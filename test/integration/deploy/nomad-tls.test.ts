import { readFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { expect, it, onTestFinished } from 'vitest';
import { openNomad } from '../../../deploy/nomad/nomad.ts';
import { readConnection } from '../../../deploy/nomad/nomad-connection.ts';
import { execProcess } from '../../../src/core/exec.ts';
import { describeWith } from '../../helpers/needs.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';
import { serveInTest } from '../../helpers/test-server.ts';

describeWith(['openssl'], 'an agent behind TLS', () => {
  /** Starts a server whose certificate is its own authority, and asks for the client's. */
  async function serve() {
    const directory = await temporaryDirectory();
    const key = join(directory, 'key.pem');
    const certificate = join(directory, 'cert.pem');
    const subject = ['-subj', '/CN=server.global.nomad', '-addext', 'subjectAltName=DNS:server.global.nomad'];
    const { exitCode, stderr } = await execProcess('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
      ...['-keyout', key, '-out', certificate, ...subject],
    ]);
    expect(exitCode, stderr).toBe(0);
    const pem = await readFile(certificate);
    const options = {
      key: await readFile(key),
      cert: pem,
      ca: pem,
      requestCert: true,
      rejectUnauthorized: false,
    };
    const server = createServer(options, (request, response) => {
      const names = (request.socket as TLSSocket).getPeerCertificate().subject?.CN;
      response.end(JSON.stringify(names === undefined ? [] : [{ ID: names }]));
    });
    return { NOMAD_ADDR: `https://127.0.0.1:${await serveInTest(server)}`, certificate, key };
  }

  async function countNodes(env: Readonly<Record<string, string>>): Promise<number> {
    const nomad = openNomad(await readConnection(env), new AbortController().signal);
    onTestFinished(() => nomad.close());
    return nomad.countNodes();
  }

  it('is trusted by its authority and name, and shown our certificate', async () => {
    const { NOMAD_ADDR, certificate, key } = await serve();
    const trusted = { NOMAD_ADDR, NOMAD_CACERT: certificate, NOMAD_TLS_SERVER_NAME: 'server.global.nomad' };
    expect(await countNodes(trusted)).toBe(0);
    expect(await countNodes({ ...trusted, NOMAD_CLIENT_CERT: certificate, NOMAD_CLIENT_KEY: key })).toBe(1);
  });

  it('is refused where either does not fit, unless the check is off', async () => {
    const { NOMAD_ADDR, certificate } = await serve();
    await expect(countNodes({ NOMAD_ADDR })).rejects.toMatchObject({
      code: 'nomad-unreachable',
      message: `cannot reach Nomad at ${NOMAD_ADDR}: its certificate is not signed by an authority that is trusted`,
      hint: 'NOMAD_CACERT names the authority, NOMAD_TLS_SERVER_NAME the name that it vouches for',
    });
    await expect(countNodes({ NOMAD_ADDR, NOMAD_CACERT: certificate })).rejects.toMatchObject({
      code: 'nomad-unreachable',
      message: expect.stringContaining("does not match certificate's altnames"),
    });
    expect(await countNodes({ NOMAD_ADDR, NOMAD_SKIP_VERIFY: '1' })).toBe(0);
    await expect(countNodes({ NOMAD_ADDR: NOMAD_ADDR.replace('https', 'http') })).rejects.toMatchObject({
      code: 'nomad-unreachable',
    });
  });
});
