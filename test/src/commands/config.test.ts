import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runConfig } from '../../../src/commands/config.ts';
import { testContext } from '../../helpers/context.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';

const file = `store "main" {
  to     = "s3://bundles/apps"
  region = "eu-central-1"
}
store "folder" { to = "./www" }
app "web" {
  store      = "main"
  not_secret = ["PAGE_KEY"]
  deploy {
    count   = 2
    address = "http://user:hunter2@nomad.example.org"
    port "http" {}
    env = { LOG = "info", PAGE_KEY = "hunter2" }
  }
  process "web" {}
  process "worker" { args = ["work"] }
  environment "prod" {
    confirm = true
    deploy {
      count = 4
      env   = { LOG = "warn" }
    }
    process "worker" { memory = 512 }
  }
}
app "api" { store = "folder" }
`;

async function config(
  flags: { environment?: string },
  env: Record<string, string> = {},
  app?: string,
  text = file,
) {
  const cwd = await temporaryDirectory();
  await writeFile(join(cwd, 'saddlebag.hcl'), text);
  await writeFile(join(cwd, 'own.nomad.hcl'), 'job "own" {}\n');
  const result = await runConfig({ app, flags }, testContext({ cwd, env }));
  const { apps } = result.json as { apps: { settings: { path: string; value: unknown; from: object }[] }[] };
  const settings = Object.fromEntries(
    apps.flatMap((each) => each.settings).map(({ path, value, from }) => [path, [value, from]]),
  );
  return { ...result, settings };
}

describe('saddlebag config', () => {
  it('lays an environment over the app, by key', async () => {
    const { settings, text } = await config({ environment: 'prod' }, {}, 'web');
    expect(settings).toMatchObject({
      'deploy.count': [4, { kind: 'file', line: 20 }],
      'deploy.env.LOG': ['warn', { kind: 'file', line: 21 }],
      'deploy.port.http': ['{}', { kind: 'file', line: 12 }],
      'process.worker.args': [['work'], { kind: 'file', line: 16 }],
      'process.worker.memory': [512, { kind: 'file', line: 23 }],
      confirm: [true, { kind: 'file', line: 18 }],
      'bundle.compress': ['balanced', { kind: 'default' }],
    });
    expect(text).toContain('app web, environment prod\n');
    expect(text).toMatch(/^ {2}deploy\.count +4 +saddlebag\.hcl:20$/m);
    expect(text).toMatch(/^ {2}bundle\.compress +balanced +default$/m);
  });

  it('puts variables before the file, but those of AWS not before a folder', async () => {
    const env = {
      NOMAD_NAMESPACE: 'shop',
      AWS_REGION: 'us-east-1',
      AWS_ENDPOINT_URL: 'http://minio:9000',
      SADDLEBAG_PUBLIC_KEY: 'web.pub',
    };
    const { settings, text } = await config({}, env);
    expect(settings).toMatchObject({
      'store.main.region': ['us-east-1', { kind: 'environment', variable: 'AWS_REGION' }],
      'store.main.endpoint': ['http://minio:9000', { kind: 'environment', variable: 'AWS_ENDPOINT_URL' }],
      'deploy.namespace': ['shop', { kind: 'environment', variable: 'NOMAD_NAMESPACE' }],
      'store.folder.to': ['./www', { kind: 'file', line: 5 }],
      'store.folder.public_key': ['web.pub', { kind: 'environment', variable: 'SADDLEBAG_PUBLIC_KEY' }],
    });
    expect(settings).not.toHaveProperty(['store.folder.region']);
    expect(text).toContain('AWS_REGION');
  });

  it('tells what of the job nobody said', async () => {
    const text = `app "web" {
      store = "main"
      deploy {
        check_path = "/"
        memory     = 64
        port "http" {}
        update { canary = 1 }
      }
    }
    app "nightly" {
      deploy { type = "batch" }
    }
    app "own" { job_file = "own.nomad.hcl" }
    store "main" { to = "./www" }`;
    const of = async (app: string) => (await config({}, {}, app, text)).settings;
    const byDefault = { kind: 'default' };
    expect(await of('web')).toMatchObject({
      'deploy.memory': [64, { kind: 'file' }],
      'deploy.cpu': [100, byDefault],
      'deploy.type': ['service', byDefault],
      'deploy.update.canary': [1, { kind: 'file' }],
      'deploy.update.min_healthy_time': ['500ms', byDefault],
      'deploy.restart.attempts': [2, byDefault],
      'deploy.service.check.interval': ['3s', byDefault],
      'deploy.service.check.check_restart.limit': [3, byDefault],
      'deploy.shutdown_delay': ['3s', byDefault],
    });
    const nightly = Object.keys(await of('nightly'));
    expect(nightly).toContain('deploy.kill_timeout');
    expect(nightly.filter((path) => /update|service|shutdown/.test(path))).toEqual([]);
    expect(Object.keys(await of('own'))).toEqual(
      expect.not.arrayContaining(['deploy.memory', 'deploy.type']),
    );
  });

  it('shows no secret', async () => {
    const { settings, text } = await config({}, {}, 'web');
    expect(settings['deploy.env.PAGE_KEY']?.[0]).toBe('[secret]');
    expect(JSON.stringify(settings) + text).not.toContain('hunter2');
  });

  it('knows the environment by variable, and names those that are there', async () => {
    const env = { SADDLEBAG_ENVIRONMENT: 'prd' };
    await expect(config({}, env, 'web')).rejects.toMatchObject({
      code: 'environment-unknown',
      message: 'cannot find environment of web "prd" in saddlebag.hcl: it has prod',
      hint: 'did you mean prod?',
    });
    await expect(config({}, {}, 'worker')).rejects.toMatchObject({ code: 'app-unknown' });
  });

  it('tells what is wrong in any environment', async () => {
    const text = file.replace('memory = 512', 'memory = "512MB"');
    await expect(config({}, {}, 'api', text)).rejects.toMatchObject({
      code: 'config-invalid',
      message: expect.stringContaining(
        'saddlebag.hcl:23: app.web.environment.prod.process.worker.memory: expected MiB',
      ),
    });
  });
});
