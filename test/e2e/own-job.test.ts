import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Release } from '../../deploy/release/release-model.ts';
import { runDeploy } from '../../src/commands/deploy/deploy.ts';
import type { DeployFlags } from '../../src/commands/deploy/deploy-flags.ts';
import type { Artifact } from '../../src/core/types.ts';
import { testContext } from '../helpers/context.ts';
import { describeWith } from '../helpers/needs.ts';
import { suiteDirectory } from '../helpers/temporary.ts';
import { type AppServer, startAppServer } from '../stack/app-server.ts';
import { type NomadStack, startNomad } from '../stack/nomad.ts';

/** Comments, locals, functions, a dynamic block, a heredoc, file(), variables: whatever people write. */
const ownFile = `# The shop. Ask ops before you touch the count.
variable "artifact_source" {}
variable "artifact_checksum" {}

variable "greeting" {
  type    = string
  default = "hello" // NOMAD_VAR_greeting
}

variable "labels" {
  type = list(string)
}

locals {
  env = { GREETING = upper(var.greeting), LABELS = join(",", var.labels) }
}

job "shop" {
  type = "service"

  update {
    min_healthy_time = "1s" /* for tests */
  }

  group "web" {
    count = 1

    network {
      dynamic "port" {
        for_each = var.labels
        labels   = [port.value]
        content {}
      }
    }

    task "app" {
      driver = "exec"
      env    = local.env

      config { command = "local/app" }

      artifact {
        source      = var.artifact_source
        destination = "local/app"
        mode        = "file"
        options {
          checksum = var.artifact_checksum
        }
      }

      template {
        destination = "local/page"
        data        = <<-EOT
          $\${not} "quoted" {{ env "NOMAD_ALLOC_ID" }}
          \${file("page.txt")}
          EOT
      }

      resources {
        cpu    = 50
        memory = 32
      }
    }
  }
}
`;

/** The job of a post, as it stands there: no group, and a checksum that no server takes. */
const postFile = `job "post" {
  datacenters = ["*"]

  task "hello" {
    driver = "exec"

    config {
      command = "hello-app"
    }

    artifact {
      source = "s3::https://minio.example/apps/hello-app"
      options {
        checksum = "sha256:YOUR-CHECKSUM-HERE"
      }
    }

    resources {
      cpu    = 50
      memory = 32
    }
  }
}
`;

describeWith(['nomad', 'root', 'cc'], "a job file of one's own on a real Nomad", () => {
  let nomad: NomadStack;
  let apps: AppServer;
  const directory = suiteDirectory();

  beforeAll(async () => {
    [nomad, apps] = await Promise.all([startNomad(), startAppServer()]);
    const cwd = directory();
    await writeFile(join(cwd, 'page.txt'), `a "page" with \${braces} and \\\\`);
    await writeFile(join(cwd, 'shop.nomad.hcl'), ownFile);
    await writeFile(join(cwd, 'post.nomad.hcl'), postFile);
  });
  afterAll(() => Promise.all([nomad?.stop(), apps?.stop()]));

  async function deploy(artifact: Artifact, flags: DeployFlags, env: Readonly<Record<string, string>> = {}) {
    const context = testContext({
      cwd: directory(),
      env: { PATH: process.env.PATH, NOMAD_ADDR: nomad.address, ...env },
    });
    const readStdin = async () => JSON.stringify(artifact);
    const { json, text } = await runDeploy({ artifact: '-', flags, readStdin }, context);
    return { release: json as Release, text, events: context.events };
  }

  async function api(path: string, body?: unknown): Promise<unknown> {
    const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
    const response = await fetch(`${nomad.address}/v1${path}`, init);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }

  const shop = { jobFile: 'shop.nomad.hcl' };
  const environment = { NOMAD_VAR_labels: '["http", "admin"]', NOMAD_VAR_greeting: `a "b" \${c}` };

  it('goes through as it is, with its functions and the variables of the environment', async () => {
    const { release } = await deploy(apps.release('1', 'sleep'), shop, environment);
    expect(release).toMatchObject({ jobId: 'shop', jobVersion: 0, status: 'healthy' });
    const job = (await api('/job/shop')) as {
      TaskGroups: { Tasks: Record<string, unknown>[]; Networks: unknown }[];
    };
    expect(job.TaskGroups[0]?.Tasks[0]).toMatchObject({
      Env: { GREETING: `A "B" \${C}`, LABELS: 'http,admin' },
      Templates: [
        { EmbeddedTmpl: `\${not} "quoted" {{ env "NOMAD_ALLOC_ID" }}\na "page" with \${braces} and \\\\\n` },
      ],
    });
    const submission = (await api('/job/shop/submission?version=0')) as Record<string, string>;
    expect(submission).toMatchObject({ Source: ownFile, Format: 'hcl2' });
    expect(submission.Variables).toContain(`labels = ["http", "admin"]\n`);
  });

  it('is left alone where nothing changed, and otherwise changes in its artifact only', async () => {
    const again = await deploy(apps.release('1', 'sleep'), { ...shop, onlyArtifact: true }, environment);
    expect(again.release).toMatchObject({ jobVersion: 0, status: 'unchanged' });
    const next = await deploy(apps.release('2', 'say two'), { ...shop, onlyArtifact: true }, environment);
    expect(next.release).toMatchObject({ jobVersion: 1, status: 'healthy' });
    const lines = next.events.flatMap((event) =>
      event.kind === 'detail' && event.stage === 'plan' ? [event.message] : [],
    );
    expect(lines.map((line) => line.trim().replace(/: .*/, ''))).toEqual([
      '~ job "shop"',
      '~ group "web"',
      '~ task "app"',
      '~ Artifact',
      '~ GetterOptions[checksum]',
      '~ GetterSource',
    ]);
    await expect(
      deploy(
        apps.release('2', 'say two'),
        { ...shop, onlyArtifact: true },
        { ...environment, NOMAD_VAR_greeting: 'x' },
      ),
    ).rejects.toMatchObject({
      code: 'plan-too-wide',
      message: expect.stringContaining('group "web" task "app" Env[GREETING]'),
    });
  });

  it('keeps a count that somebody chose until the file says another', async () => {
    await api('/job/shop/scale', { Count: 2, Target: { Group: 'web' } });
    const artifact = apps.release('2', 'say two');
    /** Returns what a plan of a file says of the count, and submits it without waiting where it is to be the last. */
    const noteOf = async (text: string, flags: DeployFlags) => {
      await writeFile(join(directory(), 'counted.nomad.hcl'), text);
      const { events } = await deploy(artifact, { jobFile: 'counted.nomad.hcl', ...flags }, environment);
      return events
        .flatMap((event) => (event.kind === 'step' ? [event.message] : []))
        .find((note) => /^group.*file/.test(note));
    };
    // The text that was submitted last reads files, which the server cannot do again.
    expect(await noteOf(ownFile, { plan: true })).toMatch(
      /^group "web": 2 in the cluster, 1 in the file: the cluster's/,
    );
    const readsNothing = ownFile.replace(`\${file("page.txt")}`, 'x');
    expect(await noteOf(readsNothing, { detach: true })).toContain("the cluster's stays");
    expect(await noteOf(readsNothing, { plan: true })).toBe(
      'group "web": 2 in the cluster, 1 in the file, as before: the cluster\'s stays',
    );
    expect(await noteOf(readsNothing.replace('count = 1', 'count = 3'), { plan: true })).toBe(
      'group "web": 2 in the cluster, 3 in the file, which changed: the file\'s is taken',
    );
  });

  it("that is a post's is refused as it stands, and comes up with the artifact in it", async () => {
    const plain = await fetch(`${nomad.address}/v1/jobs/parse`, {
      method: 'POST',
      body: JSON.stringify({ JobHCL: postFile, Canonicalize: true }),
    });
    const submitted = await fetch(`${nomad.address}/v1/jobs`, {
      method: 'POST',
      body: JSON.stringify({ Job: await plain.json() }),
    });
    expect([submitted.status, await submitted.text()]).toEqual([
      500,
      expect.stringContaining('invalid checksum'),
    ]);

    const artifact = apps.release('1', 'sleep');
    const { release } = await deploy(artifact, { jobFile: 'post.nomad.hcl' });
    expect(release).toMatchObject({ jobId: 'post', status: 'healthy' });
    const { text } = await deploy(artifact, { jobFile: 'post.nomad.hcl', dryRun: true });
    expect(await api('/job/post/submission?version=0')).toMatchObject({ Source: text, Format: 'hcl2' });
    const kept = text.split('\n').filter((line) => postFile.split('\n').includes(line));
    expect(kept).toHaveLength(postFile.split('\n').length - 3);
  });

  it('in the form of the API is deployed as it is printed by `nomad job inspect`', async () => {
    const job = (await api('/job/post')) as { TaskGroups: { Update: object }[] };
    const quickly = (group: { Update: object }) => ({
      ...group,
      Update: { ...group.Update, MinHealthyTime: 1e9 },
    });
    await writeFile(
      join(directory(), 'post.json'),
      JSON.stringify(
        { Job: { ...job, ID: 'copy', Name: 'copy', TaskGroups: job.TaskGroups.map(quickly) } },
        null,
        4,
      ),
    );
    const { release } = await deploy(apps.release('2', 'sleep'), { jobFile: 'post.json' });
    expect(release).toMatchObject({ jobId: 'copy', status: 'healthy' });
    expect(await api('/job/copy/submission?version=0')).toMatchObject({ Format: 'json' });
  });

  it('is not submitted over a change that came after its plan', async () => {
    const { deployPrepared } = await import('../../src/commands/deploy/deploy-prepared.ts');
    const { openNomad } = await import('../../deploy/nomad/nomad.ts');
    const { readConnection } = await import('../../deploy/nomad/nomad-connection.ts');
    const { planSubmission } = await import('../../deploy/release/prepare.ts');
    const opened = openNomad(
      await readConnection({ NOMAD_ADDR: nomad.address }),
      new AbortController().signal,
    );
    const job = { ...((await api('/job/post')) as { ID: string }), Priority: 60 };
    const source = { text: '', format: 'json', variables: '' } as const;
    const current = await opened.readJob('post');
    const prepared = await planSubmission(opened, { id: 'post', job, source }, current);
    await api('/job/post/scale', { Count: 2, Target: { Group: 'hello' } });
    await expect(
      deployPrepared(opened, { prepared, sources: [] }, { options: {}, confirm: null }, testContext()),
    ).rejects.toMatchObject({ code: 'job-changed', exitCode: 9 });
    await opened.close();
  });
});
