import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runDeploy } from '../../../src/commands/deploy/deploy.ts';
import type { DeployFlags } from '../../../src/commands/deploy/deploy-flags.ts';
import type { Context } from '../../../src/core/context.ts';
import { sampleArtifactJson, sampleChecksum, sampleUrl } from '../../deploy/sample.ts';
import { testContext } from '../../helpers/context.ts';
import { nobodyElsewhere } from '../../helpers/port.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';
import type { FakeAnswers } from '../../stack/fake-nomad.ts';

/** A job file that takes its artifact, and more, by variables. */
export const template = `variable "artifact_source" {}
variable "artifact_checksum" {}
variable "tag" { type = string }
variable "ports" { type = list(number) }

job "web" {
  # All by variables.
  group "web" {
    task "server" {
      driver = "exec"
      config { command = "local/web" }
    }
  }
}
`;

/** The job as a server would read it from any of the files here. */
export function parsedJob(changes: Readonly<Record<string, unknown>> = {}, count: number | null = 1) {
  const artifact = {
    GetterSource: `${sampleUrl}?archive=false`,
    GetterOptions: { checksum: sampleChecksum },
    GetterMode: 'file',
    RelativeDest: 'local/web',
  };
  const task = { Name: 'server', Driver: 'exec', Config: { command: 'local/web' }, Artifacts: [artifact] };
  return { ID: 'web', TaskGroups: [{ Name: 'web', Count: count, Tasks: [task] }], ...changes };
}

/** The diff of a plan that changes the job's priority. */
export const edited = {
  Type: 'Edited',
  ID: 'web',
  Fields: [{ Type: 'Edited', Name: 'Priority', Old: '50', New: '60' }],
};

/** Answers of a server that has version 3 of the job with five allocations. */
export function answers(changes: FakeAnswers = {}): FakeAnswers {
  const state = { Version: 3, JobModifyIndex: 5, Type: 'service', TaskGroups: [{ Name: 'web', Count: 5 }] };
  return {
    '/jobs/parse': parsedJob(),
    '/job/web': state,
    '/job/web/versions': { Versions: [state] },
    '/validate/job': {},
    '/job/web/plan': { JobModifyIndex: 5, Diff: edited },
    ...changes,
  };
}

/** Deploys `text` as a job file; the environment holds no nomad program unless it is given. */
export async function deploy(text: string, flags: DeployFlags, overrides: Partial<Context> = {}) {
  const cwd = overrides.cwd ?? (await temporaryDirectory());
  await writeFile(join(cwd, 'app.nomad.hcl'), text);
  const withoutNomad: Context['exec'] = async () => ({
    exitCode: undefined,
    stdout: '',
    stderr: '',
    failure: 'ENOENT',
  });
  const env = { ...nobodyElsewhere, ...overrides.env };
  const context = testContext({ exec: withoutNomad, ...overrides, cwd, env });
  const input = {
    artifact: '-',
    flags: { jobFile: 'app.nomad.hcl', ...flags },
    readStdin: async () => sampleArtifactJson(),
  };
  return { ...(await runDeploy(input, context)), events: context.events };
}
