import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fetchWhenUp } from '../helpers/children.ts';
import { saddlebag } from '../helpers/cli.ts';
import { describeWith } from '../helpers/needs.ts';
import { credentialsEnv } from '../helpers/s3-credentials.ts';
import { suiteDirectory } from '../helpers/temporary.ts';
import { compileApp } from '../stack/app-server.ts';
import { type Minio, startMinio } from '../stack/minio.ts';
import { type NomadStack, startNomad } from '../stack/nomad.ts';

const store = 'store "minio" { to = "s3://bundles/apps" }\n';

/** An app whose process does what `line` says (test/fixtures/nomad/app.c). */
const app = (name: string, line: string) => `
app "${name}" {
  bundle { source = "./app" }
  deploy {
    args   = ["${line}"]
    memory = 16
    port "http" {}
    update { min_healthy_time = "500ms" }
    restart { attempts = 0 }
  }
}
`;

const jobFile = `# Kept as it is: by people, for people.
variable "artifact_source" {}
variable "artifact_checksum" {}
variable "greeting" { default = "nobody" }

job "own" {
  group "web" {
    network {
      port "http" {}
    }
    update { min_healthy_time = "1s" }

    task "server" {
      driver = "exec"
      config {
        command = "local/app"
        args    = [ "serve \${upper(var.greeting)}" ]
      }
      env { PORT = "\${NOMAD_PORT_http}" }
      artifact {
        source      = var.artifact_source
        destination = "local/app"
        mode        = "file"
        options { checksum = var.artifact_checksum }
      }
      resources { memory = 16 } /* small */
    }
    service {
      name     = "own"
      provider = "nomad"
      port     = "http"
    }
  }
}
`;

describeWith(['nomad', 'minio', 'root', 'cc'], 'saddlebag up with what a project may hold', () => {
  const directory = suiteDirectory();
  let nomad: NomadStack;
  let minio: Minio;

  beforeAll(async () => {
    [nomad, minio] = await Promise.all([startNomad(), startMinio()]);
    await minio.makeBucket('bundles', { public: true });
    await compileApp(join(directory(), 'app'));
  });
  afterAll(async () => {
    await Promise.all([nomad?.stop(), minio?.stop()]);
  });

  /** Makes a project of its own. */
  async function project(name: string, files: Readonly<Record<string, string>>) {
    const cwd = join(directory(), name);
    await mkdir(cwd);
    await copyFile(join(directory(), 'app'), join(cwd, 'app'));
    for (const [file, text] of Object.entries(files)) await writeFile(join(cwd, file), text);
    const env = {
      PATH: process.env.PATH,
      HOME: directory(),
      SADDLEBAG_BUILD_CACHE: process.env.SADDLEBAG_BUILD_CACHE,
      NOMAD_ADDR: nomad.address,
      AWS_ENDPOINT_URL_S3: minio.endpoint,
      ...credentialsEnv(minio),
      AWS_REGION: 'us-east-1',
    };
    return { cwd, up: (...args: string[]) => saddlebag(['up', ...args], { cwd, env }) };
  }

  async function status(path: string): Promise<number> {
    return (await fetch(`${nomad.address}/v1${path}`)).status;
  }

  async function page(service: string): Promise<string> {
    const found = await fetch(`${nomad.address}/v1/service/${service}`);
    const [first] = (await found.json()) as { readonly Address: string; readonly Port: number }[];
    return fetchWhenUp(`http://${first?.Address}:${first?.Port}/`);
  }

  it('stops at the first of several apps that fails, and says what became of each', async () => {
    const apps =
      app('good', 'serve one') + app('bad', 'exit 3 no DATABASE_URL') + app('later', 'serve three');
    const { up } = await project('several', { 'saddlebag.hcl': store + apps });
    const told = await up();
    expect(told.exitCode, told.stderr).toBe(5);
    expect(told.stdout).toMatch(/^good [0-9a-f-]{36}\nbad failed\nlater not-reached$/);
    expect(told.stderr).toContain('cannot deploy bad: version 0 failed: task "bad" exited with code 3');
    expect(told.stderr).toContain('its last words: no DATABASE_URL');
    expect(await page('good')).toBe('one');
    expect(await status('/job/later')).toBe(404);

    // Those that are named, in the order in which they are named.
    const named = await up('later', 'good', '--json');
    expect(named.exitCode, named.stderr).toBe(0);
    expect(JSON.parse(named.stdout)).toMatchObject({
      apps: [
        { name: 'later', status: 'done', deploy: { status: 'healthy' } },
        { name: 'good', status: 'done', deploy: { status: 'unchanged' } },
      ],
    });
    expect(await page('later')).toBe('three');
  });

  it("brings a bundle into a job file of one's own, by its variables", async () => {
    const settings = `${store}
app "web" {
  bundle { source = "./app" }
  job_file = "own.nomad.hcl"
  vars     = { greeting = "hello" }
  environment "prod" { vars = { greeting = "good evening" } }
}
`;
    const { cwd, up } = await project('own', { 'saddlebag.hcl': settings, 'own.nomad.hcl': jobFile });
    const first = await up();
    expect(first.exitCode, first.stderr).toBe(0);
    expect(await page('own')).toBe('HELLO');
    const submission = await fetch(`${nomad.address}/v1/job/own/submission?version=0`);
    expect(await submission.json()).toMatchObject({ Source: jobFile, Format: 'hcl2' });

    const prod = await up('-e', 'prod');
    expect(prod.exitCode, prod.stderr).toBe(0);
    expect(await page('own')).toBe('GOOD EVENING');

    expect(await readFile(join(cwd, 'own.nomad.hcl'), 'utf8')).toBe(jobFile);
    // Before anything is bundled.
    await writeFile(join(cwd, 'own.nomad.hcl'), jobFile.replace('job "own" {', 'job "own" { group "a" {}'));
    const refused = await up();
    expect(refused).toMatchObject({ exitCode: 2, stdout: '' });
    expect(refused.stderr).toMatch(
      /^saddlebag: cannot use saddlebag\.hcl:5: app\.web\.job_file: cannot read own\.nomad\.hcl:6:\d+: /,
    );
  });
});
