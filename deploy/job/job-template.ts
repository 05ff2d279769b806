import {
  attribute,
  block,
  comment,
  type HclBlock,
  HclExpression,
  type HclItem,
  renderHclBody,
} from './hcl.ts';
import { jobBlock } from './job-hcl.ts';
import type { JobSpec } from './job-model.ts';

/**
 * Renders a job as a file to edit and keep: it takes source and checksum of its artifact by variables, so that it need
 * not change from release to release, and says beside each block what it is for and what else could stand there.
 */
export function renderJobTemplate({ job }: JobSpec, fileName: string): string {
  return renderHclBody([
    note(
      'The job of a bundle, to edit and to keep beside the code. Each release sets the two variables:',
      '',
      `  saddlebag deploy artifact.json --job-file ${fileName}`,
      `  nomad job run -var artifact_source=URL -var artifact_checksum=sha256:… ${fileName}`,
    ),
    variable('artifact_source', 'Where clients fetch the bundle.'),
    variable('artifact_checksum', 'sha256:… of the bundle.'),
    annotate(jobBlock(job), job.ID),
  ]);
}

function variable(name: string, description: string): HclItem {
  return block(
    'variable',
    [name],
    [...attribute('type', new HclExpression('string')), ...attribute('description', description)],
  );
}

function note(...lines: readonly string[]): HclItem {
  return { kind: 'note', lines };
}

/** What a block is for, by its name; said before the first of them. */
const purposes: Readonly<Record<string, readonly string[]>> = {
  constraint: ['What the bundle itself asks of a node.'],
  update: [
    'A version that does not become healthy in time is taken back. canary = 1 lets one of the new version run beside',
    'the old, until it is promoted.',
  ],
  network: [
    'Nomad chooses a port that is free; static = 8080 asks for that one. The app finds its number in PORT.',
  ],
  service: ['Others find the app by this name. The check decides whether a version is healthy.'],
  artifact: [
    'One file, checked, and never unpacked by the client: mode, archive and checksum stay as they are.',
  ],
  config: [
    `A client evaluates \${NOMAD_…}, \${node.…} and the like in here; the text itself is written $$\${…}.`,
  ],
  resources: [
    'cpu in MHz, memory in MiB. cores = 1 takes whole cores; memory_max is what it may take if there is room.',
  ],
};

/** Puts comments and examples into a job, and variables for its artifact. */
function annotate(job: HclBlock, jobId: string): HclBlock {
  const seen = new Set<string>();
  const examples: Readonly<Record<string, (names: ReadonlySet<string>) => readonly HclItem[]>> = {
    group: groupExamples,
    task: (names) => taskExamples(names, jobId),
  };
  const visit = (item: HclItem): readonly HclItem[] => {
    if (item.kind !== 'block') return [item];
    const purpose = seen.has(item.name) ? [] : (purposes[item.name] ?? []);
    seen.add(item.name);
    const inner = item.body.flatMap(visit);
    const names = new Set(item.body.flatMap((each) => (each.kind === 'block' ? [each.name] : [])));
    const more = seen.has(`${item.name}s`) ? [] : (examples[item.name]?.(names) ?? []);
    if (more.length > 0) seen.add(`${item.name}s`);
    const body = item.name === 'artifact' ? byVariables(inner) : [...inner, ...more];
    return [...purpose.map(comment), { ...item, body }];
  };
  return { ...job, body: job.body.flatMap(visit) };
}

function byVariables(body: readonly HclItem[]): readonly HclItem[] {
  return body.map((item) => {
    if (item.kind === 'block') return { ...item, body: byVariables(item.body) };
    if (item.kind !== 'attribute') return item;
    if (item.name === 'source') return { ...item, value: new HclExpression('var.artifact_source') };
    if (item.name === 'checksum') return { ...item, value: new HclExpression('var.artifact_checksum') };
    return item;
  });
}

function groupExamples(names: ReadonlySet<string>): readonly HclItem[] {
  const volume = note(
    'Storage of the client. Each task that wants it mounts it:',
    '  volume_mount {',
    '    volume      = "data"',
    '    destination = "/data"',
    '  }',
    'volume "data" {',
    '  type   = "host"',
    '  source = "data"',
    '}',
  );
  const network = note(
    'A port, and a service by which others find it:',
    'network {',
    '  port "http" {}',
    '}',
    'service {',
    '  name     = "app"',
    '  port     = "http"',
    '  provider = "nomad"',
    '}',
  );
  const before = note(
    'A further program of the bundle that ends before the others start, for example a migration: the whole task again,',
    'with its own name and arguments, and',
    '  lifecycle {',
    '    hook = "prestart"',
    '  }',
  );
  return [...(names.has('network') ? [] : [network]), ...(names.has('volume') ? [] : [volume]), before];
}

function taskExamples(names: ReadonlySet<string>, jobId: string): readonly HclItem[] {
  const path = /^[0-9A-Za-z_~/-]+$/.test(jobId) ? `nomad/jobs/${jobId}` : 'PATH';
  const secret = note(
    `Secrets come from a Nomad variable: nomad var put ${path} database_url=…`,
    'template {',
    '  data        = <<-EOH',
    `{{ with nomadVar "${path}" -}}`,
    'DATABASE_URL={{ .database_url.Value | toJSON }}',
    '{{ end -}}',
    'EOH',
    '  destination = "secrets/app.env"',
    '  env         = true',
    '}',
  );
  return names.has('template') ? [] : [secret];
}
