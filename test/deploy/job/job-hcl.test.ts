import hcl2 from 'hcl2-parser';
import { describe, expect, it } from 'vitest';
import { renderHcl } from '../../../deploy/job/job-hcl.ts';
import { renderJobSpec } from '../../../deploy/job/jobspec.ts';
import { parseJobSettings } from '../../../deploy/job/parse-job-settings.ts';
import type { SettingsTree } from '../../../deploy/job/settings/tree.ts';
import { sampleArtifact } from '../sample.ts';
import { randomSettings } from './random-settings.ts';

function hclOf(tree: SettingsTree): string {
  const artifact = sampleArtifact();
  return renderHcl(renderJobSpec(artifact, parseJobSettings({ tree }, artifact)));
}

describe('the file of a job', () => {
  it('is HCL, and the same each time, whatever the job holds', () => {
    for (let seed = 0; seed < 8; seed++) {
      const text = hclOf(randomSettings(seed));
      expect(hclOf(randomSettings(seed))).toBe(text);
      const [parsed] = hcl2.parseToObject(text);
      expect(Object.keys(parsed.job ?? {}), `seed ${seed}`).toHaveLength(1);
    }
  });

  it('has its blocks in the order of Nomad’s own pages', () => {
    const text = hclOf({
      network_mode: 'bridge',
      port: { http: { to: 8080 } },
      secret: { DATABASE_URL: 'url', API_KEY: 'shared/api:the-key' },
      volume: { data: { destination: '/data' } },
      ephemeral_disk: { size: 200 },
      logs: { max_files: 3 },
      spread: { attribute: `\${node.datacenter}` },
      task: { migrate: { lifecycle: { hook: 'prestart' }, args: ['migrate'] } },
    });
    const blocks = text.split('\n').flatMap((line) => /^ {2,6}(\w+).*\{$/.exec(line)?.[1] ?? []);
    const inTask = ['config', 'artifact', 'template', 'env', 'resources'];
    expect(blocks).toEqual([
      ...['constraint', 'constraint', 'spread', 'update', 'group'],
      ...['restart', 'reschedule', 'ephemeral_disk', 'network', 'port', 'volume', 'service', 'check'],
      ...['task', 'lifecycle', ...inTask],
      ...['task', ...inTask.slice(0, -1), 'volume_mount', 'resources', 'logs'],
    ]);
  });

  it('takes secrets from Nomad’s variables, each quoted for what it may hold', () => {
    const text = hclOf({ secret: { DATABASE_URL: 'url', API_KEY: 'shared/api:the-key' } });
    expect(text).toContain(
      [
        '      template {',
        '        data = <<EOH',
        '{{ with nomadVar "nomad/jobs/web" -}}',
        'DATABASE_URL={{ .url.Value | toJSON }}',
        '{{ end -}}',
        '{{ with nomadVar "shared/api" -}}',
        'API_KEY={{ (index . "the-key").Value | toJSON }}',
        '{{ end -}}',
        'EOH',
        '',
        '        destination = "secrets/saddlebag.env"',
        '        env         = true',
        '      }',
      ].join('\n'),
    );
  });

  it.each([
    ['x\n', true],
    [`a $\{b} %{c} "d" \\e\n\n\tf\n`, true],
    ['x', false],
    ['x\r\n', false],
    ['EOH\n', false],
    ['a\n  EOH\nb\n', false],
    ['\u0001\n', false],
  ])('writes the template %j as a heredoc: %s', (data, isHeredoc) => {
    const text = hclOf({ template: { data, destination: 'local/a' } });
    expect(text.includes('<<EOH')).toBe(isHeredoc);
  });
});
