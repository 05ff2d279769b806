import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Nomad, openNomad } from '../../../deploy/nomad/nomad.ts';
import { readConnection } from '../../../deploy/nomad/nomad-connection.ts';
import { runDeploy } from '../../../src/commands/deploy/deploy.ts';
import { sampleArtifactJson, sampleJobSpec } from '../../deploy/sample.ts';
import { testContext } from '../../helpers/context.ts';
import { nobodyElsewhere } from '../../helpers/port.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';
import { closeWithTest, serveInTest } from '../../helpers/test-server.ts';

type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void;

/** Starts an HTTP server on loopback, or on a socket, that answers as `handler` does; returns its address. */
async function serve(handler: Handler, socket?: string): Promise<string> {
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    handler(request, response, body);
  });
  if (socket === undefined) return `http://127.0.0.1:${await serveInTest(server)}`;
  closeWithTest(server);
  await once(server.listen(socket), 'listening');
  return `unix://${socket}`;
}

async function open(
  env: Readonly<Record<string, string>>,
  signal = new AbortController().signal,
): Promise<Nomad> {
  const nomad = openNomad(await readConnection(env), signal);
  onTestFinished(() => nomad.close());
  return nomad;
}

const { job } = sampleJobSpec();

describe('the client of the API', () => {
  it('sends token, namespace, region and the login in front, and encodes the id', async () => {
    const seen: string[] = [];
    const address = await serve((request, response) => {
      const { authorization = '' } = request.headers;
      seen.push(`${request.url} ${request.headers['x-nomad-token']} ${authorization}`);
      response.writeHead(404).end('job not found');
    });
    const env = { NOMAD_TOKEN: 't', NOMAD_NAMESPACE: 'n s', NOMAD_REGION: 'r', NOMAD_HTTP_AUTH: 'me:pw' };
    const nomad = await open({ ...env, NOMAD_ADDR: `${address}/behind` });
    expect(await nomad.readJob('team/web')).toBeNull();
    const login = Buffer.from('me:pw').toString('base64');
    expect(seen).toEqual([`/behind/v1/job/team%2Fweb?namespace=n+s&region=r t Basic ${login}`]);
  });

  it('goes through the proxy of the environment, but not to its exceptions', async () => {
    const seen: string[] = [];
    const proxy = await serve((request, response) => {
      seen.push(`${request.url} ${request.headers['proxy-authorization']}`);
      response.end('[{"ID":"n1"}]');
    });
    const HTTP_PROXY = proxy.replace('//', '//me:pw@');
    const nomad = await open({ NOMAD_ADDR: 'http://nomad.invalid:4646', HTTP_PROXY });
    expect(await nomad.countNodes()).toBe(1);
    const login = Buffer.from('me:pw').toString('base64');
    expect(seen).toEqual([`http://nomad.invalid:4646/v1/nodes Basic ${login}`]);
    const direct = await open({ NOMAD_ADDR: 'http://nomad.invalid:4646', HTTP_PROXY, NO_PROXY: '.invalid' });
    await expect(direct.countNodes()).rejects.toMatchObject({
      code: 'nomad-unreachable',
      hint: expect.stringMatching(/^a proxy of the environment/),
    });
  });

  it('knows of which versions the clients are that are ready, if the token may list them', async () => {
    const node = (Version: unknown, Status = 'ready') => ({ ID: 'n', Status, Version });
    const nodes = [node('2.0.5'), node('1.11.1'), node('2.0.5'), node('1.6.0', 'down'), node(7)];
    const address = await serve((_, response) => response.end(JSON.stringify(nodes)));
    expect(await (await open({ NOMAD_ADDR: address })).readClientVersions()).toEqual(['1.11.1', '2.0.5']);
    const strict = await serve((_, response) => response.writeHead(403).end('Permission denied'));
    expect(await (await open({ NOMAD_ADDR: strict })).readClientVersions()).toEqual([]);
  });

  it('speaks over a unix socket', async () => {
    const socket = join(await temporaryDirectory(), 'api.sock');
    const address = await serve((_, response) => response.end('[{"ID":"n1"}]'), socket);
    expect(await (await open({ NOMAD_ADDR: address })).countNodes()).toBe(1);
  });

  it('rides out errors of the server on reads', async () => {
    let calls = 0;
    const address = await serve((_, response) => {
      calls++;
      if (calls < 3) response.writeHead(500).end('No cluster leader');
      else response.end('[]');
    });
    expect(await (await open({ NOMAD_ADDR: address })).countNodes()).toBe(0);
    expect(calls).toBe(3);
  });

  it('sends a write once, whatever comes of it', async () => {
    let calls = 0;
    const address = await serve((request) => {
      calls++;
      request.socket.destroy();
    });
    const nomad = await open({ NOMAD_ADDR: address });
    await expect(
      nomad.registerJob({ job, jobModifyIndex: 0, source: { text: '', format: 'hcl2', variables: '' } }),
    ).rejects.toMatchObject({
      code: 'nomad-unreachable',
      message: `cannot reach Nomad at ${address}: it closed the connection`,
    });
    expect(calls).toBe(1);
  });

  it('enforces the index that the plan saw', async () => {
    let sent: unknown;
    const address = await serve((_, response, body) => {
      sent = JSON.parse(body);
      response.end('{"EvalID":"e","JobModifyIndex":8,"Warnings":""}');
    });
    const nomad = await open({ NOMAD_ADDR: address });
    await nomad.registerJob({
      job,
      jobModifyIndex: 7,
      source: { text: 'job "web" {}', format: 'hcl2', variables: 'a = 1\n' },
    });
    expect(sent).toEqual({
      Job: JSON.parse(JSON.stringify(job)),
      EnforceIndex: true,
      JobModifyIndex: 7,
      Submission: { Source: 'job "web" {}', Format: 'hcl2', Variables: 'a = 1\n' },
    });
  });

  it('asks blocking queries with the index that it knows', async () => {
    const seen: (string | undefined)[] = [];
    const address = await serve((request, response) => {
      seen.push(request.url);
      response.setHeader('x-nomad-index', '42').end('[]');
    });
    const nomad = await open({ NOMAD_ADDR: address });
    const wait = { waitMs: 5_000, patienceMs: 0, signal: new AbortController().signal };
    const { index } = await nomad.watchAllocations('web', { ...wait, index: 0 });
    await nomad.watchAllocations('web', { ...wait, index });
    expect(seen).toEqual(['/v1/job/web/allocations', '/v1/job/web/allocations?index=42&wait=5000ms']);
  });

  it('ends a call when it is told to', async () => {
    const controller = new AbortController();
    const address = await serve(() => controller.abort(new Error('enough')));
    const nomad = await open({ NOMAD_ADDR: address }, controller.signal);
    await expect(nomad.countNodes()).rejects.toThrow('enough');
  });

  it.each([
    ['<html>a proxy</html>', 'not JSON'],
    ['{"Version":1}', 'answer.JobModifyIndex: expected a number'],
    ['[]', 'answer: expected an object'],
    ['{"Version":1,"JobModifyIndex":2,"TaskGroups":[7]}', 'answer.TaskGroups[0]: expected an object'],
  ])('refuses the answer %s', async (answer, reason) => {
    const address = await serve((_, response) => response.end(answer));
    await expect((await open({ NOMAD_ADDR: address })).readJob('web')).rejects.toMatchObject({
      code: 'nomad-answer-invalid',
      message: `cannot read job web: unexpected answer, ${reason}`,
      hint: 'is NOMAD_ADDR the address of a Nomad agent?',
    });
  });

  it('follows a log that is longer than an answer may be', async () => {
    const mebibyte = Buffer.alloc(1 << 20, 'x');
    const address = await serve((_, response) => {
      Readable.from(Array.from({ length: 257 }, () => mebibyte)).pipe(response);
    });
    const nomad = await open({ NOMAD_ADDR: address });
    const request = { allocationId: 'a', task: 't', stream: 'stdout', tailBytes: 1 } as const;
    let mebibytes = 0;
    const chunks = (await nomad.followLog(request, new AbortController().signal)) ?? [];
    for await (const chunk of chunks) mebibytes += chunk.length / (1 << 20);
    expect(mebibytes).toBe(257);
  });

  it('knows https:// where http:// was meant', async () => {
    const address = (await serve((_, response) => response.end('{}'))).replace('http', 'https');
    await expect((await open({ NOMAD_ADDR: address })).readJob('web')).rejects.toMatchObject({
      code: 'nomad-unreachable',
      message: `cannot reach Nomad at ${address}: it does not speak TLS as we do; is it http:// rather than https://?`,
    });
  });

  it("takes another server's page for what it is", async () => {
    const page = '<?xml version="1.0"?>\n<Error><Code>InvalidBucketName</Code></Error>';
    const address = await serve((_, response) => response.writeHead(400).end(page));
    await expect((await open({ NOMAD_ADDR: address })).readJob('web')).rejects.toMatchObject({
      code: 'nomad-answer-invalid',
      message: `cannot read job web: ${address} answers 400, but not as Nomad does`,
      hint: 'is NOMAD_ADDR the address of a Nomad agent?',
    });
  });

  it('tells a refused token from a missing one, and shows neither', async () => {
    const address = await serve((_, response) => response.writeHead(403).end('Permission denied'));
    const refusal = {
      code: 'nomad-forbidden',
      message: `cannot read job web: Nomad at ${address} says: Permission denied`,
    };
    await expect((await open({ NOMAD_ADDR: address })).readJob('web')).rejects.toMatchObject({
      ...refusal,
      hint: expect.stringMatching(/^set NOMAD_TOKEN to a token that has read-job in namespace default;/),
    });
    const env = { NOMAD_ADDR: address, NOMAD_TOKEN: 'hunter2', NOMAD_NAMESPACE: 'apps' };
    await expect((await open(env)).readJob('web')).rejects.toMatchObject({
      ...refusal,
      hint: expect.stringMatching(
        /^the token of NOMAD_TOKEN lacks read-job in namespace apps, or has expired;/,
      ),
    });
  });

  it('puts the reasons of a job that is not valid on one line', async () => {
    const reasons = '2 errors occurred:\n\t* Missing this\n\t* Missing that\n\n';
    const address = await serve((_, response) => response.end(JSON.stringify({ Error: reasons })));
    await expect((await open({ NOMAD_ADDR: address })).validateJob(job)).rejects.toMatchObject({
      code: 'job-invalid',
      message: 'cannot submit job web: Missing this; Missing that',
    });
  });
});

describe('saddlebag deploy', () => {
  const deploy = (env: Readonly<Record<string, string>>, changes: Readonly<Record<string, unknown>> = {}) => {
    const readStdin = async () => sampleArtifactJson(changes);
    const context = testContext({ env: { ...nobodyElsewhere, ...env } });
    return runDeploy({ artifact: '-', flags: {}, readStdin }, context);
  };

  it('says that nobody listens at the address', async () => {
    await expect(deploy({ NOMAD_ADDR: 'http://127.0.0.1:1' })).rejects.toMatchObject({
      code: 'nomad-unreachable',
      message: 'cannot reach Nomad at http://127.0.0.1:1: connection refused',
      hint: 'start an agent (nomad agent -dev), or set NOMAD_ADDR to one that runs',
      exitCode: 1,
    });
  });

  it('refuses a loopback artifact where the job may run on another host', async () => {
    const address = await serve((_, response) => response.end('[{"ID":"n1"},{"ID":"n2"}]'));
    const url = 'http://localhost:8080/web-1-x86_64';
    const checksum = `sha256:${'ab'.repeat(32)}`;
    const source = `${url}?archive=false&checksum=${checksum}`;
    await expect(deploy({ NOMAD_ADDR: address }, { url, source })).rejects.toMatchObject({
      code: 'download-url-loopback',
      message: `cannot deploy ${url}: only this host can fetch it, and Nomad at ${address} has others`,
      hint: 'publish with --download-url http://HOST:PORT, by a name of this host that the clients know',
    });
  });

  it('says that it was somebody else where the index moved on', async () => {
    let reads = 0;
    const address = await serve((request, response) => {
      const { method, url = '' } = request;
      const changed = {
        Version: 3,
        JobModifyIndex: reads > 0 ? 9 : 5,
        TaskGroups: [{ Name: 'web', Count: 4 }],
      };
      if (url.endsWith('/validate/job')) response.end('{}');
      else if (url.endsWith('/plan'))
        response.end('{"JobModifyIndex":5,"Diff":{"Type":"Edited","ID":"web"}}');
      else if (method === 'GET') {
        reads++;
        response.end(JSON.stringify(changed));
      } else response.writeHead(500).end('Enforcing job modify index 5: job exists with conflicting index');
    });
    await expect(deploy({ NOMAD_ADDR: address })).rejects.toMatchObject({
      code: 'job-changed',
      message: 'cannot submit job web: somebody else changed it meanwhile',
      exitCode: 9,
    });
  });

  it('never stops a version that came while it looked', async () => {
    const methods: (string | undefined)[] = [];
    const groups = [{ Name: 'web', Count: 1 }];
    const cancelled = { ID: 'd', JobVersion: 3, Status: 'cancelled', CreateIndex: 6 };
    let reads = 0;
    const address = await serve(({ method, url = '' }, response) => {
      methods.push(method);
      if (url.endsWith('/validate/job')) response.end('{}');
      else if (url.endsWith('/plan')) response.end('{"JobModifyIndex":5,"Diff":{"Type":"None","ID":"web"}}');
      else if (url.endsWith('/versions')) response.end('{"Versions":[]}');
      else if (url.endsWith('/deployments')) response.end(JSON.stringify([cancelled]));
      else if (url.endsWith('/job/web')) {
        const moved = reads++ > 0;
        const job = { Version: moved ? 4 : 3, JobModifyIndex: moved ? 9 : 5, TaskGroups: groups };
        response.end(JSON.stringify(job));
      } else response.end('[]');
    });
    await expect(deploy({ NOMAD_ADDR: address })).rejects.toMatchObject({ code: 'job-changed', exitCode: 9 });
    expect(methods).not.toContain('DELETE');
  });
});
