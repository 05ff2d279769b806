import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { readConnection } from '../../../deploy/nomad/nomad-connection.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';

describe('the connection to Nomad', () => {
  it('is an agent of this machine unless told otherwise', async () => {
    expect(await readConnection({})).toEqual({
      address: 'http://127.0.0.1:4646',
      origin: 'http://127.0.0.1:4646',
      basePath: '',
      hostname: '127.0.0.1',
      socketPath: null,
      namespace: null,
      region: null,
      token: null,
      httpAuth: null,
      tls: { ca: null, certificate: null, key: null, serverName: null, skipVerify: false },
      proxy: null,
    });
  });

  it('takes the address of the flag before that of the environment', async () => {
    const env = { NOMAD_ADDR: 'http://a:1' };
    expect((await readConnection(env, { address: 'https://b:2/nomad/' })).address).toBe('https://b:2/nomad');
    expect((await readConnection(env)).address).toBe('http://a:1');
    expect((await readConnection({ NOMAD_ADDR: '' })).address).toBe('http://127.0.0.1:4646');
  });

  it.each([
    ['http://nomad:4646', { HTTP_PROXY: 'http://p:1' }, 'http://p:1'],
    ['http://nomad:4646', { http_proxy: 'p:1', NO_PROXY: 'a' }, 'http://p:1'],
    ['https://nomad:4646', { HTTP_PROXY: 'http://p:1', HTTPS_PROXY: 'http://s:2' }, 'http://s:2'],
    ['https://nomad:4646', { HTTP_PROXY: 'http://p:1' }, undefined],
    ['http://127.0.0.1:4646', { HTTP_PROXY: 'http://p:1' }, undefined],
    ['http://localhost:4646', { HTTP_PROXY: 'http://p:1' }, undefined],
    ['unix:///run/api.sock', { HTTP_PROXY: 'http://p:1' }, undefined],
  ])('reaches %s by %j through %s', async (NOMAD_ADDR, env, proxy) => {
    const connection = await readConnection({ NOMAD_ADDR, ...env });
    expect(connection.proxy?.url.reveal()).toBe(proxy);
    expect(connection.proxy?.exceptions ?? 'a').toBe('NO_PROXY' in env || proxy === undefined ? 'a' : '');
  });

  it('takes a % of a password only as a URL has it, and shows none of it', async () => {
    const { httpAuth } = await readConnection({ NOMAD_ADDR: 'http://me:50%25@nomad:4646' });
    expect(httpAuth?.reveal()).toBe('me:50%');
    await expect(readConnection({ NOMAD_ADDR: 'http://me:50%@nomad:4646' })).rejects.toMatchObject({
      code: 'nomad-address-invalid',
      message: 'cannot reach Nomad at …@nomad:4646: a % in it is to be written %25',
    });
  });

  it('refuses a proxy of another kind, without showing its password', async () => {
    const env = { NOMAD_ADDR: 'http://nomad:4646', HTTP_PROXY: 'socks5://me:secret@p:1' };
    await expect(readConnection(env)).rejects.toMatchObject({
      code: 'nomad-address-invalid',
      message: 'cannot use the proxy of HTTP_PROXY: not a URL of http or https',
    });
  });

  it('knows unix sockets', async () => {
    const connection = await readConnection({ NOMAD_ADDR: 'unix:///run/no%20mad/api.sock' });
    expect(connection).toMatchObject({
      socketPath: '/run/no mad/api.sock',
      address: 'unix:///run/no mad/api.sock',
      hostname: 'localhost',
    });
  });

  it('reads certificates, a directory of them only without a file', async () => {
    const directory = await temporaryDirectory();
    await writeFile(join(directory, 'b.pem'), 'B');
    await writeFile(join(directory, 'a.pem'), 'A');
    const env = { NOMAD_CAPATH: directory, NOMAD_CLIENT_CERT: join(directory, 'b.pem') };
    expect((await readConnection(env)).tls).toMatchObject({ ca: ['A', 'B'], certificate: 'B' });
    const both = { ...env, NOMAD_CACERT: join(directory, 'a.pem'), NOMAD_SKIP_VERIFY: 'true' };
    expect((await readConnection(both)).tls).toMatchObject({ ca: ['A'], skipVerify: true });
  });

  it('says which variable names a file that is not there', async () => {
    await expect(readConnection({ NOMAD_CLIENT_KEY: '/nowhere/key.pem' })).rejects.toMatchObject({
      code: 'nomad-tls-unreadable',
      message: 'cannot read /nowhere/key.pem: no such file or directory',
      hint: 'NOMAD_CLIENT_KEY names it',
      exitCode: 2,
    });
  });

  it.each(['127.0.0.1:4646', 'nomad', 'ftp://a', 'http//x'])('refuses the address %s', async (address) => {
    await expect(readConnection({ NOMAD_ADDR: address })).rejects.toMatchObject({
      code: 'nomad-address-invalid',
      message: `cannot reach Nomad at ${address}: expected http://HOST:PORT, https://HOST:PORT or unix:///PATH`,
    });
  });

  it('shows no credential, however it is printed', async () => {
    const connection = await readConnection({
      NOMAD_ADDR: 'https://me:hunter2@nomad.example:4646',
      NOMAD_TOKEN: 'hunter2\n',
    });
    expect(connection.token?.reveal()).toBe('hunter2');
    expect(connection.httpAuth?.reveal()).toBe('me:hunter2');
    for (const text of [
      JSON.stringify(connection),
      inspect(connection, { depth: 9 }),
      `${connection.token}`,
    ]) {
      expect(text).not.toContain('hunter2');
    }
    const refused = readConnection({ NOMAD_ADDR: 'me:hunter2@nomad.example:4646' });
    await expect(refused).rejects.toThrow(/^(?!.*hunter2)/);
  });
});
