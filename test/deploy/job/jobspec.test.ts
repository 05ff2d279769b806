import { describe, expect, it } from 'vitest';
import { parseArtifact } from '../../../deploy/artifact/artifact.ts';
import type { JobFlags } from '../../../deploy/job/job-flags.ts';
import { renderHcl } from '../../../deploy/job/job-hcl.ts';
import { renderJobSpec } from '../../../deploy/job/jobspec.ts';
import { parseFlags, sampleArtifact, sampleArtifactJson, sampleJobSpec, sampleSha256 } from '../sample.ts';

const groupOf = (spec: ReturnType<typeof sampleJobSpec>) => spec.job.TaskGroups[0];
const taskOf = (spec: ReturnType<typeof sampleJobSpec>) => groupOf(spec)?.Tasks[0];

describe('the job of an artifact', () => {
  it('fetches one file, checked, under a name without the version', () => {
    expect(taskOf(sampleJobSpec())).toMatchObject({
      Driver: 'exec',
      Config: { command: 'local/web' },
      Artifacts: [
        {
          GetterSource: 'https://apps.example/web/web-1.2-x86_64',
          GetterMode: 'file',
          GetterOptions: { archive: 'false', checksum: `sha256:${sampleSha256}` },
          RelativeDest: 'local/web',
        },
      ],
      KillSignal: 'SIGTERM',
    });
  });

  it.each([
    ['x86_64', 'amd64'],
    ['aarch64', 'arm64'],
  ])('runs on Linux and %s only', (arch, nomadArch) => {
    const artifact = sampleArtifact({ arch });
    expect(sampleJobSpec({}, artifact).job.Constraints).toEqual([
      { LTarget: `\${attr.kernel.name}`, Operand: '=', RTarget: 'linux' },
      { LTarget: `\${attr.cpu.arch}`, Operand: '=', RTarget: nomadArch },
    ]);
  });

  it('says nothing of a processor that is not known, and takes --arch', () => {
    const artifact = parseArtifact(`http://s/web?checksum=sha256:${sampleSha256}`);
    expect(sampleJobSpec({}, artifact).job.Constraints).toHaveLength(1);
    expect(sampleJobSpec({ arch: 'aarch64' }, artifact).job.Constraints).toHaveLength(2);
  });

  it('changes two lines from one release to the next', () => {
    const next = sampleArtifact({
      appVersion: '1.3',
      source: `https://apps.example/web/web-1.3-x86_64?archive=false&checksum=sha256:${'00'.repeat(32)}`,
      checksum: `sha256:${'00'.repeat(32)}`,
    });
    const before = renderHcl(sampleJobSpec({ port: ['http'] })).split('\n');
    const after = renderHcl(sampleJobSpec({ port: ['http'] }, next)).split('\n');
    expect(after).toHaveLength(before.length);
    const changed = after.filter((line, index) => line !== before[index]);
    expect(changed.map((line) => line.trim().split(' ')[0])).toEqual(['source', 'checksum']);
  });

  it('is the same for the same input', () => {
    expect(JSON.stringify(sampleJobSpec({ env: ['B=1', 'A=2'] }))).toBe(
      JSON.stringify(sampleJobSpec({ env: ['B=1', 'A=2'] })),
    );
  });

  it('opens a port that Nomad chooses, and tells the app', () => {
    const spec = sampleJobSpec({ port: ['web'], job: 'Team/Web_1' });
    expect(groupOf(spec)).toMatchObject({
      Networks: [{ DynamicPorts: [{ Label: 'web' }] }],
      Services: [{ Name: 'team-web-1', PortLabel: 'web', Provider: 'nomad', Checks: [{ Type: 'tcp' }] }],
    });
    expect(taskOf(spec)?.Env).toEqual({ PORT: `\${NOMAD_PORT_web}` });
    expect(spec.job.Update?.HealthCheck).toBe('checks');
  });

  it('reserves a given port and asks a path by HTTP', () => {
    const spec = sampleJobSpec({ port: ['http:8080'], checkPath: '/health' });
    expect(groupOf(spec)?.Networks).toEqual([{ ReservedPorts: [{ Label: 'http', Value: 8080 }] }]);
    expect(groupOf(spec)?.Services?.[0]?.Checks[0]).toMatchObject({ Type: 'http', Path: '/health' });
  });

  it('judges by the task alone where there is no port', () => {
    const spec = sampleJobSpec();
    expect(groupOf(spec)?.Services).toBeUndefined();
    expect(spec.job.Update?.HealthCheck).toBe('task_states');
  });

  it('lets Python write its last words, unless told otherwise', () => {
    const artifact = sampleArtifact({ interpreter: 'python3.11' });
    expect(taskOf(sampleJobSpec({}, artifact))?.Env).toEqual({ PYTHONUNBUFFERED: '1' });
    expect(taskOf(sampleJobSpec({ env: ['PYTHONUNBUFFERED='] }, artifact))?.Env).toEqual({
      PYTHONUNBUFFERED: '',
    });
    expect(taskOf(sampleJobSpec({}, sampleArtifact({ interpreter: 'node' })))?.Env).toBeUndefined();
  });

  it('keeps the running count unless one is given', () => {
    const artifact = sampleArtifact();
    const running = new Map([['web', 5]]);
    const count = (flags: JobFlags) =>
      renderJobSpec(artifact, parseFlags(flags), running).job.TaskGroups[0]?.Count;
    expect(count({})).toBe(5);
    expect(count({ count: '2' })).toBe(2);
    expect(count({ count: '0' })).toBe(0);
  });

  it('has no update policy as a batch job, which Nomad would refuse', () => {
    const { job } = sampleJobSpec({ type: 'batch' });
    expect(job.Update).toBeUndefined();
    expect(job.TaskGroups[0]?.ReschedulePolicy).toMatchObject({ Attempts: 1, Unlimited: false });
  });

  it('takes S3 credentials from a variable, by name only, on clients that can', () => {
    const source = `s3::http://minio:9000/apps/web/web-1.2-x86_64?archive=false&checksum=sha256:${sampleSha256}&region=eu-1`;
    const spec = sampleJobSpec({ s3Variable: true }, sampleArtifact({ source }));
    expect(taskOf(spec)).toMatchObject({
      Secrets: [{ Name: 's3', Provider: 'nomad', Path: 'nomad/jobs/web' }],
      Artifacts: [
        {
          GetterSource: 's3::http://minio:9000/apps/web/web-1.2-x86_64?region=eu-1',
          GetterOptions: {
            aws_access_key_id: `\${secret.s3.aws_access_key_id}`,
            aws_access_key_secret: `\${secret.s3.aws_secret_access_key}`,
          },
        },
      ],
    });
    expect(spec.job.Constraints.at(-1)).toEqual({
      LTarget: `\${attr.nomad.version}`,
      Operand: 'semver',
      RTarget: '>= 1.11.0',
    });
    expect(renderHcl(spec)).toContain('operator  = "semver"');
  });

  it('leaves a variable alone where the source needs no credentials, and refuses one that cannot be', () => {
    expect(JSON.stringify(sampleJobSpec({ s3Variable: true }))).not.toContain('secret');
    expect(() => sampleJobSpec({ s3Variable: 'a b' })).toThrow('--s3-variable: expected the path of a Nomad');
    const dotted = { s3Variable: true, job: 'web.eu' } as const;
    expect(() => sampleJobSpec(dotted)).toThrow('--s3-variable: no variable can be called nomad/jobs/web.eu');
  });

  it('holds nothing of who published what and when', () => {
    const text = JSON.stringify(sampleJobSpec());
    const artifact = JSON.parse(sampleArtifactJson());
    expect(text).not.toContain(artifact.closureSha256);
    expect(text).not.toContain('Meta');
  });
});
