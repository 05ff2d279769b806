import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type JobInitFlags, runJobInit } from '../../../src/commands/job-init.ts';
import { sampleArtifactJson, sampleSha256 } from '../../deploy/sample.ts';
import { testContext } from '../../helpers/context.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';

function init(flags: JobInitFlags = {}, artifact = '-', cwd = '/') {
  const input = { artifact, flags, readStdin: async () => sampleArtifactJson() };
  return runJobInit(input, testContext({ cwd }));
}

describe('saddlebag job init', () => {
  it('prints a file that takes its artifact by variables, and holds nothing of the release', async () => {
    const { text, exitCode } = await init({ port: ['http'] });
    expect(exitCode).toBe(0);
    expect(text).toContain('#   saddlebag deploy artifact.json --job-file web.nomad.hcl\n');
    expect(text).toContain('variable "artifact_source" {\n  type        = string\n');
    expect(text).toContain('        source      = var.artifact_source\n');
    expect(text).toContain('          checksum = var.artifact_checksum\n');
    expect(text).toContain('value     = "amd64"');
    expect(text).not.toContain(sampleSha256);
  });

  it('shows what else could stand there, where it does not', async () => {
    const { text: small } = await init();
    expect(small).toContain('    # network {\n');
    expect(small).toContain('      # template {\n');
    const { text: large } = await init({ port: ['http'], secret: ['URL=url'], volume: ['data:/data'] });
    expect(large).not.toContain('# network {');
    expect(large).not.toContain('# template {');
    expect(large).not.toContain('# volume "data" {');
  });

  it('needs no artifact', async () => {
    const input = { artifact: undefined, flags: { job: 'shop' }, readStdin: async () => '' };
    const { text } = await runJobInit(input, testContext());
    expect(text).toContain('job "shop" {');
    expect(text).toContain('command = "local/app"');
    expect(text).not.toContain('cpu.arch');
  });

  it('writes a file, and never over one without --force', async () => {
    const directory = await temporaryDirectory();
    const file = join(directory, 'my.nomad.hcl');
    const { text, json } = await init({ output: 'my.nomad.hcl' }, '-', directory);
    expect(text).toBe(file);
    expect(json).toMatchObject({ version: 1, file });
    expect(await readFile(file, 'utf8')).toContain('--job-file my.nomad.hcl');
    await writeFile(file, 'mine');
    await expect(init({ output: file }, '-', directory)).rejects.toMatchObject({ code: 'output-exists' });
    expect(await readFile(file, 'utf8')).toBe('mine');
    await init({ output: file, force: true }, '-', directory);
    expect(await readFile(file, 'utf8')).not.toBe('mine');
  });
});
