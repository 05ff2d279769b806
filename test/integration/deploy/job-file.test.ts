import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sampleChecksum as checksum, sampleUrl as url } from '../../deploy/sample.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';
import { Refusal, startFakeNomad } from '../../stack/fake-nomad.ts';
import { answers, deploy, parsedJob, template } from './job-file-deploy.ts';

const filled = { var: ['tag=a "b"'], varFile: ['more.hcl'] };

describe('a job file with variables', () => {
  it('is parsed as it is, with their values beside it, and submitted with both', async () => {
    const nomad = await startFakeNomad(answers({ '/jobs': new Refusal(500, 'enough') as never }));
    const cwd = await temporaryDirectory();
    await writeFile(join(cwd, 'more.hcl'), 'ports = [1,\n  2]\ntag = "from the file"\n');
    const env = { NOMAD_ADDR: nomad.address, NOMAD_VAR_ports: '[9]', NOMAD_VAR_other: 'x' };
    await expect(deploy(template, filled, { cwd, env })).rejects.toMatchObject({ code: 'nomad-failed' });
    const variables = [
      'ports = [1,\n  2]',
      'tag = "a \\"b\\""',
      `artifact_source = "${url}?archive=false"`,
      `artifact_checksum = "${checksum}"`,
      '',
    ].join('\n');
    expect(nomad.bodies.get('/jobs/parse')).toEqual({
      JobHCL: template,
      Variables: variables,
      Canonicalize: false,
    });
    expect(nomad.bodies.get('/jobs')).toMatchObject({
      EnforceIndex: true,
      JobModifyIndex: 5,
      Submission: { Source: template, Format: 'hcl2', Variables: variables },
    });
  });

  it('says which of them have no value, before it asks a server', async () => {
    await expect(deploy(`${template}locals { x = [var.tag, var.ports] }\n`, {})).rejects.toMatchObject({
      code: 'job-variable-invalid',
      message: 'cannot deploy app.nomad.hcl: no value for variable "tag", variable "ports"',
      hint: 'pass --var tag=…, --var-file FILE, or set NOMAD_VAR_tag',
      exitCode: 2,
    });
  });

  it.each([
    [
      { var: ['nope=1'] },
      'app.nomad.hcl has no such variable; it declares artifact_source, artifact_checksum, tag',
    ],
    [{ var: ['ports=[1'] }, 'cannot use --var ports: it is to be list(number): this [ is never closed'],
    [
      { var: ['ports=[1]\nother = 2'] },
      'cannot use --var ports: it is to be list(number): more than one value',
    ],
    [{ var: ['tag'] }, 'cannot use --var tag: expected NAME=VALUE'],
    [{ varFile: ['none.hcl'] }, 'cannot read variables from none.hcl: no such file or directory'],
    [{ varFile: ['app.nomad.hcl'] }, 'cannot read variables from app.nomad.hcl:1:1: a block, where only'],
    [{ port: ['http'] }, 'cannot deploy app.nomad.hcl with --port: the job file says what the job is'],
    [{ exitCode: true }, '--exit-code without --plan'],
    [{ artifact: ['x'] }, 'cannot use --artifact x: expected TASK=ARTIFACT'],
    [{ count: 'x=y' }, 'cannot deploy: --count: expected N, or GROUP=N'],
  ])('refuses %o', async (flags, message) => {
    await expect(deploy(template, flags)).rejects.toMatchObject({
      message: expect.stringContaining(message),
      exitCode: 2,
    });
  });

  it('is refused where its job does not use the artifact', async () => {
    const elsewhere = { ...parsedJob(), TaskGroups: [{ Name: 'web', Tasks: [{ Name: 'server' }] }] };
    const nomad = await startFakeNomad(answers({ '/jobs/parse': elsewhere }));
    const env = { NOMAD_ADDR: nomad.address };
    await expect(deploy(template, {}, { env })).rejects.toMatchObject({
      code: 'job-file-unsupported',
      message: 'cannot set the artifact in app.nomad.hcl: no task fetches it',
    });
    expect(nomad.calls).toEqual(['POST /jobs/parse']);
  });

  it('is planned where it goes to several regions, and not submitted', async () => {
    const nomad = await startFakeNomad(
      answers({ '/jobs/parse': parsedJob({ Multiregion: { Regions: [] } }) }),
    );
    const env = { NOMAD_ADDR: nomad.address };
    expect((await deploy(template, { plan: true }, { env })).text).toContain('Priority');
    await expect(deploy(template, {}, { env })).rejects.toMatchObject({ code: 'job-multiregion' });
    expect(nomad.calls).not.toContain('POST /jobs');
  });

  it('goes where it says, which a flag may not deny', async () => {
    const placed = parsedJob({ Namespace: 'apps' });
    const nomad = await startFakeNomad(answers({ '/jobs/parse': placed, '/namespace/apps': {} }));
    const env = { NOMAD_ADDR: nomad.address, NOMAD_NAMESPACE: 'other' };
    await deploy(template, { plan: true }, { env });
    expect(nomad.calls).toContain('GET /namespace/apps');
    await expect(deploy(template, { plan: true, namespace: 'third' }, { env })).rejects.toMatchObject({
      code: 'flags-conflict',
      message: 'cannot deploy app.nomad.hcl: it says namespace apps, --namespace says third',
    });
  });

  it('is printed with what would be submitted, for programs', async () => {
    const { text, json } = await deploy(template, { dryRun: true, var: ['tag=x'] });
    expect(text).toBe(template);
    expect(json).toEqual({
      version: 1,
      jobFile: 'app.nomad.hcl',
      format: 'hcl2',
      source: template,
      variables: `tag = "x"\nartifact_source = "${url}?archive=false"\nartifact_checksum = "${checksum}"\n`,
    });
  });

  it('tells the reasons of the server with the lines of the file', async () => {
    const reason = 'Failed to parse job: input.hcl:6,1-4: Unsupported block type; no such block';
    const nomad = await startFakeNomad(answers({ '/jobs/parse': () => new Refusal(400, reason) }));
    await expect(deploy(template, {}, { env: { NOMAD_ADDR: nomad.address } })).rejects.toMatchObject({
      code: 'job-file-invalid',
      message: 'cannot read app.nomad.hcl:6,1-4: Unsupported block type; no such block',
    });
  });
});

describe('a job file that reads files', () => {
  const reading = (call: string) =>
    template.replace('driver = "exec"', `driver = "exec"\n      env { A = ${call} }`);

  it('has them put in where there is no nomad', async () => {
    const nomad = await startFakeNomad(answers());
    const cwd = await temporaryDirectory();
    await mkdir(join(cwd, 'conf'));
    await writeFile(join(cwd, 'conf/a'), `x "\\ \${y}\n%{z}`);
    await writeFile(join(cwd, 'b'), Buffer.from([0xff, 0]));
    const text = reading('join("", [file("conf/a"), filebase64("./b")])');
    await deploy(text, { plan: true }, { cwd, env: { NOMAD_ADDR: nomad.address } });
    const expected = text
      .replace('file("conf/a")', () => `"x \\"\\\\ $\${y}\\n%%{z}"`)
      .replace('filebase64("./b")', '"/wA="');
    expect(nomad.bodies.get('/jobs/parse')?.JobHCL).toBe(expected);
  });

  it.each([
    [
      'file(var.tag)',
      'file() reads files, which no server does: only a server that had your files could run it',
    ],
    ['file("../x")', '../x is outside the current directory'],
    ['file("/etc/passwd")', '/etc/passwd is outside the current directory'],
    ['file("none")', 'file() reads files, which no server does: no such file or directory'],
    ['file("link")', 'link is outside the current directory'],
    ['fileset(".", "*")', 'fileset() reads files'],
  ])('is refused with its line for %s', async (call, reason) => {
    const cwd = await temporaryDirectory();
    await mkdir(join(cwd, 'inner'));
    await writeFile(join(cwd, 'x'), '');
    const { symlink } = await import('node:fs/promises');
    await symlink('../x', join(cwd, 'inner/link'));
    await expect(
      deploy(reading(call), { var: ['tag=x'] }, { cwd: join(cwd, 'inner') }),
    ).rejects.toMatchObject({
      code: 'job-file-function',
      message: expect.stringMatching(/^cannot read app\.nomad\.hcl:11:17: /),
      hint: 'with the `nomad` program on PATH it is run as `nomad job run` runs it',
    });
    await expect(deploy(reading(call), { var: ['tag=x'] }, { cwd: join(cwd, 'inner') })).rejects.toThrow(
      reason,
    );
  });
});

describe('a job file that is not read', () => {
  it('is one in JSON whose strings Nomad would change', async () => {
    const corrupted = JSON.stringify({
      variable: { artifact_source: {} },
      job: { web: { x: `a\n\${NOMAD_X}` } },
    });
    await expect(deploy(corrupted, { dryRun: true })).rejects.toMatchObject({
      code: 'job-file-unsupported',
      message: expect.stringContaining('cannot read app.nomad.hcl:1: Nomad corrupts'),
    });
    const escaped = corrupted.replace('$', '$$$$');
    expect((await deploy(escaped, { dryRun: true })).text).toBe(escaped);
  });

  it('or is not there', async () => {
    await expect(deploy('x', { jobFile: 'none.hcl' })).rejects.toMatchObject({
      code: 'job-file-unreadable',
      message: 'cannot read job file none.hcl: no such file or directory',
    });
  });
});
