import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { renderHcl } from '../../deploy/job/job-hcl.ts';
import type { JobSpec } from '../../deploy/job/job-model.ts';
import { renderJobTemplate } from '../../deploy/job/job-template.ts';
import { renderJobSpec } from '../../deploy/job/jobspec.ts';
import { parseJobSettings } from '../../deploy/job/parse-job-settings.ts';
import { execProcess } from '../../src/core/exec.ts';
import { randomSettings } from '../deploy/job/random-settings.ts';
import { sampleArtifact } from '../deploy/sample.ts';
import { describeWith, findTool } from '../helpers/needs.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';
import { type NomadStack, startNomad } from '../stack/nomad.ts';

const seeds = Array.from({ length: 100 }, (_, seed) => seed);

function specOf(seed: number): JobSpec {
  const artifact = sampleArtifact({ interpreter: 'python3.11' });
  return renderJobSpec(artifact, parseJobSettings({ tree: randomSettings(seed) }, artifact));
}

describeWith(['nomad', 'root'], 'the file of any job', () => {
  let nomad: NomadStack;
  beforeAll(async () => {
    nomad = await startNomad();
  });
  afterAll(() => nomad?.stop());

  async function post(
    path: string,
    body: unknown,
  ): Promise<{ readonly status: number; readonly text: string }> {
    const response = await fetch(`${nomad.address}/v1${path}`, {
      method: 'POST',
      body: JSON.stringify(body),
    });
    return { status: response.status, text: await response.text() };
  }

  it('is read by Nomad as the very job that is submitted', async () => {
    for (const seed of seeds) {
      const spec = specOf(seed);
      const { status, text } = await post('/jobs/parse', { JobHCL: renderHcl(spec), Canonicalize: false });
      expect(status, `seed ${seed}: ${text}`).toBe(200);
      expect(withoutDefaults(JSON.parse(text)), `seed ${seed}`).toEqual(withoutDefaults(spec.job));
    }
  });

  it('holds a job that Nomad takes', async () => {
    for (const seed of seeds) {
      const { text } = await post('/validate/job', { Job: specOf(seed).job });
      expect(JSON.parse(text).Error ?? '', `seed ${seed}`).toBe('');
    }
  });

  it('with variables for its artifact is the same job, and one that Nomad validates', async () => {
    const directory = await temporaryDirectory();
    for (const seed of seeds.slice(0, 20)) {
      const spec = specOf(seed);
      const { source } = sampleArtifact();
      const text = renderJobTemplate(spec, 'web.nomad.hcl');
      const variables = `artifact_source = "${source.url}"\nartifact_checksum = "${source.checksum}"\n`;
      const parsed = await post('/jobs/parse', { JobHCL: text, Variables: variables, Canonicalize: false });
      expect(parsed.status, `seed ${seed}: ${parsed.text}`).toBe(200);
      expect(withoutDefaults(JSON.parse(parsed.text)), `seed ${seed}`).toEqual(withoutDefaults(spec.job));
      await writeFile(join(directory, `${seed}.hcl`), text);
    }
    expect(await nomadCli(['fmt', '-check', directory])).toMatchObject({ stdout: '', exitCode: 0 });
    const { source } = sampleArtifact();
    const variables = [`artifact_source=${source.url}`, `artifact_checksum=${source.checksum}`];
    const args = variables.flatMap((variable) => ['-var', variable]);
    const address = `-address=${nomad.address}`;
    const validated = await nomadCli(['job', 'validate', address, ...args, join(directory, '0.hcl')]);
    expect(validated).toMatchObject({ exitCode: 0 });
  });

  it('is formatted as by nomad fmt', async () => {
    const directory = await temporaryDirectory();
    await mkdir(join(directory, 'jobs'));
    for (const seed of seeds) {
      await writeFile(join(directory, 'jobs', `${seed}.hcl`), renderHcl(specOf(seed)));
    }
    expect(await nomadCli(['fmt', '-check', join(directory, 'jobs')])).toMatchObject({
      stdout: '',
      exitCode: 0,
    });
  });
});

function nomadCli(args: readonly string[]) {
  return execProcess(findTool('nomad') ?? 'nomad', [...args]);
}

/** Drops what Go writes for a key that is not set, and what the parser fills in for a template. */
function withoutDefaults(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutDefaults);
  if (typeof value !== 'object' || value === null) return value;
  const byDefault: Readonly<Record<string, unknown>> =
    'EmbeddedTmpl' in value ? { ChangeMode: 'restart', Perms: '0644', Splay: 5_000_000_000 } : {};
  const set = Object.entries(value).filter(
    ([key, inner]) =>
      inner !== null && inner !== '' && inner !== 0 && inner !== false && inner !== byDefault[key],
  );
  return Object.fromEntries(set.map(([key, inner]) => [key, withoutDefaults(inner)]));
}
