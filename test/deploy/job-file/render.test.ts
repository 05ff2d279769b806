import { describe, expect, it } from 'vitest';
import { parseJobFile } from '../../../deploy/job-file/job-file.ts';
import { renderJobFile } from '../../../deploy/job-file/render.ts';
import { sampleChecksum as checksum, sampleArtifact, sampleUrl as url } from '../sample.ts';
import { render } from './rendered.ts';

const artifact = sampleArtifact();

/** Wraps the lines of a task into a job. */
function jobOf(...lines: string[]): string {
  const task = lines.map((line) => `${line === '' ? '' : `      ${line}`}\n`).join('');
  return `job "web" {\n  group "web" {\n    task "server" {\n${task}    }\n  }\n}\n`;
}

/** A file with what a person puts into one: nothing of it but three lines may change. */
const handWritten = `\uFEFF// How we run the shop. Keep in step with ops/README.
variable "image_tag" {
  type    = string
  default = "1.0" # not used by exec
}

locals {
  ports = { http = 8080, admin = 9090 }
}

job "shop" {
  datacenters = ["dc1"]

  group "web" {
    count = var.image_tag == "1.0" ? 2 : 3

    network {
      dynamic "port" {
        for_each = local.ports
        labels   = [port.key]
        content { static = port.value }
      }
    }

    /* task "old" {
         driver = "exec"
       } */

    task "server" {
      driver = "exec" /* no Docker here */

      config {
        command = "local/shop"
        args    = ["--port", "\${NOMAD_PORT_http}", "--say", "a { b } \\"c\\""]
      }

      artifact {
        source      = "https://old.example/shop-1" # the old one
        destination = "local/shop"
        mode        = "file"
        options {
          checksum              = "sha256:000"
          aws_access_key_id     = "\${secret.s3.id}"
          archive = "false"
        }
      }

      template {
        data        = <<-EOT
          task "fake" {
            artifact { source = "no" }
          {{ range service "x" }}\${upper("}")}{{ end }}
          EOT
        destination = "local/x.conf"
      }
    }
  }
}
`.replaceAll('\n', '\r\n');

describe("a person's own job file", () => {
  it('keeps every byte but source and checksum where the command already asks for the file', async () => {
    const expected = handWritten
      .replace('"https://old.example/shop-1"', `"${url}"`)
      .replace('"sha256:000"', `"${checksum}"`);
    expect(await render(handWritten)).toBe(expected);
    expect(await render(expected)).toBe(expected);
  });

  it('gets one that names a task where it stands directly in the job', async () => {
    const post = [
      'job "flask" {',
      '  datacenters = ["dc1"]',
      '  task "flask" {',
      '    driver = "exec"',
      '    config {',
      '      command = "flask-app"',
      '    }',
      '    artifact {',
      '      source = "s3::https://minio.example/apps/flask-app"',
      '      options {',
      '        checksum = "sha256:PUT-THE-CHECKSUM-HERE"',
      '      }',
      '    }',
      '  }',
      '}',
      '',
    ].join('\n');
    const expected = post
      .replace('"flask-app"', '"local/web"')
      .replace('"s3::https://minio.example/apps/flask-app"', `"${url}"`)
      .replace(
        `source = "${url}"\n`,
        `source = "${url}"\n      destination = "local/web"\n      mode        = "file"\n`,
      )
      .replace('"sha256:PUT-THE-CHECKSUM-HERE"\n', `"${checksum}"\n        archive  = "false"\n`);
    expect(await render(post)).toBe(expected);
    expect(await render(expected)).toBe(expected);
  });

  it('gets an artifact and a command where it has none', async () => {
    const before = jobOf('driver = "exec"', '', 'env {', '  A = "1"', '}');
    expect(await render(before)).toBe(
      jobOf(
        'driver = "exec"',
        '',
        'config {',
        '  command = "local/web"',
        '}',
        '',
        'env {',
        '  A = "1"',
        '}',
        '',
        'artifact {',
        `  source      = "${url}"`,
        '  destination = "local/web"',
        '  mode        = "file"',
        '',
        '  options {',
        '    archive  = "false"',
        `    checksum = "${checksum}"`,
        '  }',
        '}',
      ),
    );
  });

  it.each([
    [
      'on one line',
      'options { checksum = "x" }',
      [`options {`, `  checksum = "${checksum}"`, '  archive  = "false"', '}'],
    ],
    ['empty', 'options {}', ['options {', '  archive  = "false"', `  checksum = "${checksum}"`, '}']],
  ])('gets its checksum into options that are %s', async (_, options, expected) => {
    const artifactOf = (source: string, ...lines: string[]) =>
      jobOf(
        'driver = "exec"',
        'config { command = "app" }',
        'artifact {',
        `  source      = "${source}"`,
        '  destination = "local/app"',
        '  mode        = "file"',
        ...lines.map((line) => `  ${line}`),
        '}',
      );
    expect(await render(artifactOf('http://x/app', options))).toBe(artifactOf(url, ...expected));
  });

  it.each(['\t', '    '])('gets lines that are indented as the others, by %j', async (unit) => {
    const wide = (text: string) => text.replace(/^ +/gm, (blanks) => unit.repeat(blanks.length / 2));
    const before = jobOf(
      'driver = "exec"',
      'config { command = "old" }',
      'artifact {',
      '  source = "x/old"',
      '}',
    );
    const after = await render(wide(before));
    expect(after).toBe(wide(await render(before)));
    const lines = after.slice(after.indexOf('source')).split('\n').slice(0, 6);
    expect(lines.map((line) => line.replace(/=.*/, '='))).toEqual([
      'source =',
      `${unit.repeat(4)}destination =`,
      `${unit.repeat(4)}mode        =`,
      '',
      `${unit.repeat(4)}options {`,
      `${unit.repeat(5)}archive  =`,
    ]);
  });

  it('keeps what else a task fetches', async () => {
    const rest = ['artifact {', '  source = "https://x/site.tar.gz"', '}'];
    const before = jobOf('driver = "exec"', 'config {', '  command = "/usr/bin/python3"', '}', ...rest);
    const after = await render(before);
    expect(after).toContain(rest.join('\n      '));
    expect(after).toContain('command = "local/web"');
    expect(after.match(/artifact \{/g)).toHaveLength(2);
  });

  it('is left alone where it takes the artifact by variables', async () => {
    const text = ['variable "artifact_source" {}', 'variable "artifact_checksum" {}', 'job "x" {}', ''].join(
      '\n',
    );
    const rendered = await renderJobFile(parseJobFile('x.hcl', text), [{ task: undefined, artifact }]);
    expect(rendered.text).toBe(text);
    expect([...rendered.values]).toEqual([
      ['artifact_source', `"${url}?archive=false"`],
      ['artifact_checksum', `"${checksum}"`],
    ]);
    const without = await renderJobFile(parseJobFile('x.hcl', text.replace(/.*checksum.*\n/, '')), [
      { task: undefined, artifact },
    ]);
    expect([...without.values]).toEqual([['artifact_source', `"${url}?archive=false&checksum=${checksum}"`]]);
  });

  it('takes several artifacts, one for each task', async () => {
    const two = jobOf('driver = "exec"', '}', 'task "worker" {', '  driver = "exec"');
    const text = await render(two, 'server', 'web/worker');
    expect(text.match(/command = "local\/web"/g)).toHaveLength(2);
    await expect(render(two, 'server', 'web/server')).rejects.toMatchObject({ code: 'job-file-unsupported' });
  });
});

describe('a job file that cannot be edited', () => {
  const exec = 'driver = "exec"';
  it.each([
    [jobOf(exec, '}', 'task "two" {', exec), undefined, 'it has several tasks: web/server, web/two'],
    [jobOf(exec), 'nope', 'it has no task nope; it has web/server'],
    [jobOf('driver = "docker"'), undefined, 'none of its tasks uses the exec driver: web/server'],
    [
      jobOf('driver = "docker"'),
      'server',
      'uses the driver docker, which starts no program from an artifact',
    ],
    ['job "x" {\n}\n', undefined, 'no task is written out in it'],
    ['a = 1\n', undefined, 'cannot read app.nomad.hcl: it has no job block'],
    ['job "x" {\n', undefined, 'cannot read app.nomad.hcl:1:1: block job "x" opens here and is never closed'],
    ['job "x" {\n  priority = [[ .priority ]]\n}\n', undefined, 'app.nomad.hcl:2:17: it is a template'],
    ['job "x" {\n[[- range .groups ]]\n}\n', undefined, 'app.nomad.hcl:2:1: it is a template'],
    ['job "x" {\n  a = [[1, 2], [3}]\n}\n', undefined, 'app.nomad.hcl:2:18: expected '],
    ['', undefined, 'cannot read app.nomad.hcl: it is empty'],
    ['{"a":1}', undefined, 'its JSON holds neither "Job"'],
    ['{"a":1', undefined, 'it begins with { and is not JSON'],
    ['{"job":{}}', undefined, 'it is HCL in JSON form, which is only read by variables'],
    [
      jobOf(exec, 'artifact {', '  source = "x"', '  options = { checksum = var.c }', '}'),
      undefined,
      'app.nomad.hcl:7:9: options is no block here',
    ],
    [
      jobOf(
        exec,
        'config { command = "app" }',
        ...['artifact {', '  source = "x/app"', '}'],
        ...['artifact {', '  source = "x/conf"', '  destination = "local/web"', '  mode = "file"', '}'],
      ),
      undefined,
      'app.nomad.hcl:3:5: another artifact of task web/server lands at local/web',
    ],
    [
      jobOf(exec, 'artifact {', '  source = "x"', '  options { version = "3" }', '}'),
      undefined,
      'app.nomad.hcl:7:19: options.version pins another object',
    ],
  ])('says why: %#', async (text, task, reason) => {
    await expect(render(text, task)).rejects.toMatchObject({
      message: expect.stringContaining(reason),
      exitCode: 2,
    });
  });
});
