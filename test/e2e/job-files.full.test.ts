import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type JobFile, parseJobFile } from '../../deploy/job-file/job-file.ts';
import { renderJobFile } from '../../deploy/job-file/render.ts';
import { listTasks, titleOf } from '../../deploy/job-file/tasks.ts';
import { parseHcl } from '../../src/core/hcl/parse.ts';
import { readHclValues } from '../../src/core/hcl/values.ts';
import { sampleArtifact } from '../deploy/sample.ts';
import { describeWith } from '../helpers/needs.ts';
import { type NomadStack, startNomad } from '../stack/nomad.ts';

/** A folder with job files of others, for example a clone of Nomad's own repository. */
const folder = process.env.SADDLEBAG_JOB_FILES;
const artifact = sampleArtifact();

async function filesBelow(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && /\.(?:nomad|hcl)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** Docker's tasks are edited too, as if they were programs: more files, the same edit. */
function asPrograms(text: string): string {
  return text.replace(/(driver\s*=\s*)"(?:docker|java|podman|qemu|mock_driver|pause)"/g, '$1"exec"');
}

function isJob(file: JobFile): boolean {
  return (
    file.format === 'hcl' &&
    file.document.body.items.some((item) => item.kind === 'block' && item.type === 'job')
  );
}

if (folder === undefined) {
  process.stderr.write('skipped: job files of others: SADDLEBAG_JOB_FILES names no folder\n');
  describe.skip('job files of others (SADDLEBAG_JOB_FILES names no folder)', () =>
    it('are read', () => undefined));
} else {
  describe('HCL files of others', () => {
    it("have a whole structure exactly where HCL's own parser takes them", async () => {
      const files = await filesBelow(folder);
      const differing: string[] = [];
      let whole = 0;
      for (const path of files) {
        const text = readFileSync(path, 'utf8');
        const isWhole = parseHcl(text).problems.length === 0;
        if (isWhole) whole++;
        if (isWhole !== ((await readHclValues(text)) !== null)) differing.push(relative(folder, path));
      }
      process.stderr.write(
        `${files.length} files of HCL: ${whole} whole, ${files.length - whole} refused by both\n`,
      );
      expect(files.length).toBeGreaterThan(0);
      expect(differing).toEqual([]);
    });
  });

  describeWith(['nomad', 'root'], 'job files of others', () => {
    let nomad: NomadStack;
    beforeAll(async () => {
      nomad = await startNomad();
    });
    afterAll(() => nomad?.stop());

    /** Returns the job as the server reads it; null where it refuses the file. */
    async function parse(text: string): Promise<unknown> {
      const body = JSON.stringify({ JobHCL: text, Canonicalize: false });
      const response = await fetch(`${nomad.address}/v1/jobs/parse`, { method: 'POST', body });
      return response.ok ? response.json() : null;
    }

    it('change in one artifact and one command, to the server too, or are refused with a reason', async () => {
      const counts = { files: 0, tasks: 0, edited: 0, refused: 0, notParsed: 0 };
      const wrong: string[] = [];
      for (const path of await filesBelow(folder)) {
        const text = asPrograms(readFileSync(path, 'utf8'));
        if (parseHcl(text).problems.length > 0) continue;
        const file = parseJobFile(relative(folder, path), text);
        if (file.format !== 'hcl' || !isJob(file)) continue;
        counts.files++;
        const before = await parse(text);
        for (const task of listTasks(file.name, file.document)) {
          counts.tasks++;
          const title = `${file.name} ${titleOf(task)}`;
          try {
            const edited = await renderJobFile(file, [{ artifact, task: titleOf(task) }]);
            counts.edited++;
            const after = await parse(edited.text);
            if (before === null) counts.notParsed++;
            else if (!isMeant(before, after, task)) wrong.push(title);
            const again = await renderJobFile(parseJobFile(file.name, edited.text), [
              { artifact, task: titleOf(task) },
            ]);
            if (again.text !== edited.text) wrong.push(`${title}: not the same twice`);
          } catch (cause) {
            counts.refused++;
            const { code, message } = cause as { readonly code?: string; readonly message: string };
            process.stderr.write(`${code}: ${message}\n`);
            if (!['job-file-unsupported', 'task-unknown'].includes(code ?? ''))
              wrong.push(`${title}: ${message}`);
          }
        }
      }
      process.stderr.write(`${JSON.stringify(counts)}\n`);
      expect(wrong).toEqual([]);
      expect(counts.edited).toBeGreaterThan(0);
    });
  });
}

interface ParsedTask {
  readonly Name: string;
  readonly Artifacts: readonly { readonly GetterSource: string; readonly RelativeDest: string }[] | null;
  readonly Config: Readonly<Record<string, unknown>> | null;
}
type ParsedJob = {
  readonly TaskGroups: readonly { readonly Name: string; readonly Tasks: readonly ParsedTask[] }[];
};

/** Tells whether the task starts our file, and nothing else of the job changed but one artifact of it. */
function isMeant(
  before: unknown,
  after: unknown,
  task: { readonly group: string | null; readonly name: string },
) {
  const [old, now] = [before, after].map((job) => taskOf(job as ParsedJob, task));
  if (old === undefined || now === undefined) return false;
  const ours = (now.Artifacts ?? []).filter(({ GetterSource }) => GetterSource === artifact.source.url);
  const others = (now.Artifacts ?? []).filter((one) => !ours.includes(one)).map((one) => JSON.stringify(one));
  const known = (old.Artifacts ?? []).map((one) => JSON.stringify(one));
  return (
    ours.length === 1 &&
    ours[0]?.RelativeDest === now.Config?.command &&
    others.every((one) => known.includes(one)) &&
    others.length >= known.length - 1 &&
    without(before, old) === without(after, now)
  );
}

function taskOf(
  job: ParsedJob | null,
  { group, name }: { readonly group: string | null; readonly name: string },
) {
  const tasks = job?.TaskGroups.filter(({ Name }) => Name === (group ?? name)).flatMap(({ Tasks }) => Tasks);
  return tasks?.find(({ Name }) => Name === name);
}

function without(job: unknown, task: ParsedTask): string {
  return JSON.stringify(job, (_, value: unknown) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    const { command: _command, ...config } = task.Config ?? {};
    const kept = value === task ? { ...task, Artifacts: [], Config: config } : value;
    // The server writes the keys of a driver's configuration in no certain order.
    return Object.fromEntries(Object.entries(kept).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
