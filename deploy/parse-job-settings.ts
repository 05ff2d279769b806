import { exitCodes, SaddlebagError } from '../src/core/errors.ts';
import type { Arch } from '../src/core/types.ts';
import type { DeployArtifact } from './artifact.ts';
import { parseDuration } from './duration.ts';
import type { JobSettings, JobSettingsInput, JobType, PortSettings, UpdateSettings } from './job-settings.ts';
import { referenceProblem } from './runtime-reference.ts';

/**
 * Checks the settings of a job and fills in defaults, most of them Nomad's own, written out so that the job's file shows
 * them. Every problem is reported at once.
 * @throws {SaddlebagError} `job-settings-invalid`
 */
export function parseJobSettings(input: JobSettingsInput, artifact: DeployArtifact): JobSettings {
  const check = new Checker();
  const fileName = plainName(artifact.name, 'app');
  const id = check.match('job', input.job ?? fileName, jobId, 'text without blanks, $ and % (at most 128)');
  const group = input.group ?? plainName(id, 'app');
  const env = check.env(input.env ?? []);
  const args = input.arg ?? [];
  const known = input.port === undefined ? env : { PORT: '', ...env };
  for (const [index, arg] of args.entries())
    check.noProblem(`arg ${index + 1}`, referenceProblem(arg, known));
  const memory = check.wholeNumber('memory', input.memory, 300, { unit: 'MiB', min: 10 });
  const settings: JobSettings = {
    id,
    group: check.match('group', group, groupName, 'letters, digits and any of . _ - (at most 128)'),
    task: check.match(
      'task',
      input.task ?? group,
      groupName,
      'letters, digits and any of . _ - (at most 128)',
    ),
    type: check.oneOf<JobType>('type', input.type ?? 'service', ['service', 'batch']),
    namespace: check.optionalMatch('namespace', input.namespace, namespaceName, 'letters, digits and -'),
    region: check.optionalMatch('region', input.region, groupName, 'letters, digits and any of . _ -'),
    priority: check.optionalNumber('priority', input.priority, { min: 1, max: 32_766 }),
    datacenters: check.datacenters(input.datacenter ?? ['*']),
    nodePool: check.optionalMatch('node-pool', input.nodePool, groupName, 'letters, digits and any of . _ -'),
    count: check.optionalNumber('count', input.count, { min: 0, max: 100_000 }),
    cpu: check.wholeNumber('cpu', input.cpu, 100, { unit: 'MHz', min: 1 }),
    memory,
    memoryMax: check.optionalNumber('memory-max', input.memoryMax, { unit: 'MiB', min: memory }),
    env,
    args,
    user: check.optionalMatch('user', input.user, userName, 'the name or number of a user'),
    port: check.port(input.port),
    checkPath: check.checkPath(input),
    killSignal: check.match('kill-signal', input.killSignal ?? 'SIGTERM', signalName, 'a name like SIGTERM'),
    killTimeoutMs: check.duration('kill-timeout', input.killTimeout, '10s'),
    update: check.update(input),
    arch: check.arch(input.arch, artifact.arch),
    fileName,
  };
  check.throwProblems(id);
  return settings;
}

// Source: Nomad, job specification; a "/" makes a job id unusable as a group's name, which is why they differ.
const jobId = /^[^\s\0$%"\\\p{Cc}]{1,128}$/u;
const groupName = /^[0-9A-Za-z][0-9A-Za-z._-]{0,127}$/;
const namespaceName = /^[0-9A-Za-z-]{1,128}$/;
const userName = /^[0-9A-Za-z_][0-9A-Za-z_.-]{0,63}$/;
const signalName = /^SIG[A-Z0-9]{2,10}$/;
const portLabel = /^[A-Za-z_][0-9A-Za-z_]{0,62}$/;

/** Keeps what is safe in a file name, a group's and a task's: nothing that a shell, HCL or Nomad reads otherwise. */
function plainName(text: string, fallback: string): string {
  const plain = text
    .replace(/[^0-9A-Za-z._-]+/g, '-')
    .replace(/^[^0-9A-Za-z]+/, '')
    .slice(0, 100);
  return plain === '' ? fallback : plain;
}

interface NumberRange {
  readonly min: number;
  readonly max?: number;
  readonly unit?: string;
}

/** Reads values one by one and collects what is wrong with them; what it returns then is never used. */
class Checker {
  readonly #problems: string[] = [];

  throwProblems(id: string): void {
    if (this.#problems.length === 0) return;
    throw new SaddlebagError(
      'job-settings-invalid',
      `cannot write the job of ${id}: ${this.#problems.join('; ')}`,
      { hint: 'see saddlebag deploy --help', exitCode: exitCodes.usage },
    );
  }

  noProblem(name: string, problem: string | undefined): void {
    if (problem !== undefined) this.#problems.push(`${name}: ${problem}`);
  }

  match(name: string, text: string, pattern: RegExp, expected: string): string {
    if (!pattern.test(text)) this.#expected(name, expected, text);
    return text;
  }

  optionalMatch(name: string, text: string | undefined, pattern: RegExp, expected: string): string | null {
    return text === undefined ? null : this.match(name, text, pattern, expected);
  }

  oneOf<T extends string>(name: string, text: string, values: readonly T[]): T {
    const found = values.find((value) => value === text);
    if (found === undefined) this.#expected(name, values.join(' or '), text);
    return found ?? (text as T);
  }

  wholeNumber(name: string, text: string | undefined, byDefault: number, range: NumberRange): number {
    return this.optionalNumber(name, text, range) ?? byDefault;
  }

  optionalNumber(name: string, text: string | undefined, range: NumberRange): number | null {
    if (text === undefined) return null;
    const max = range.max ?? 100_000_000;
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= range.min && value <= max) return value;
    const unit = range.unit === undefined ? '' : `${range.unit} as `;
    const bounds = range.max === undefined ? `of at least ${range.min}` : `from ${range.min} to ${max}`;
    this.#expected(name, `${unit}a whole number ${bounds}`, text);
    return range.min;
  }

  duration(name: string, text: string | undefined, byDefault: string): number {
    const durationMs = parseDuration(text ?? byDefault);
    if (durationMs === undefined) this.#expected(name, 'a duration like 30s or 1h30m', text ?? '');
    return durationMs ?? 0;
  }

  datacenters(names: readonly string[]): readonly string[] {
    for (const name of names) {
      this.match('datacenter', name, /^[0-9A-Za-z*?._-]{1,128}$/, 'a name, or a pattern with *');
    }
    return names;
  }

  env(pairs: readonly string[]): Readonly<Record<string, string>> {
    const env: [string, string][] = [];
    for (const pair of pairs) {
      const at = pair.indexOf('=');
      if (at < 1) this.#expected('env', 'NAME=VALUE', pair);
      else if (pair.includes('\0')) this.#expected('env', 'text without NUL', pair.slice(0, at));
      else env.push([pair.slice(0, at), pair.slice(at + 1)]);
    }
    // fromEntries, not assignment: a variable may be called __proto__.
    return Object.fromEntries(env);
  }

  port(text: string | true | undefined): PortSettings | null {
    if (text === undefined) return null;
    if (text === true) return { label: 'http', number: null };
    const [label = '', number, ...rest] = /^\d+$/.test(text) ? ['http', text] : text.split(':');
    const value = number === undefined ? null : Number(number);
    const isPort = value === null || (/^\d+$/.test(number ?? '') && value >= 1 && value <= 65_535);
    if (!portLabel.test(label) || !isPort || rest.length > 0) {
      this.#expected('port', 'LABEL, LABEL:NUMBER or NUMBER (1 to 65535)', text);
    }
    return { label, number: value };
  }

  checkPath(input: JobSettingsInput): string | null {
    const { checkPath } = input;
    if (checkPath === undefined) return null;
    if (input.port === undefined) this.noProblem('check-path', 'it needs a port to ask: give port too');
    return this.match('check-path', checkPath, /^\/[^\s\p{Cc}]*$/u, 'a path that begins with /');
  }

  update(input: JobSettingsInput): UpdateSettings {
    const update = {
      maxParallel: this.wholeNumber('max-parallel', input.maxParallel, 1, { min: 1 }),
      minHealthyTimeMs: this.duration('min-healthy-time', input.minHealthyTime, '5s'),
      healthyDeadlineMs: this.duration('healthy-deadline', input.healthyDeadline, '5m'),
      progressDeadlineMs: this.duration('progress-deadline', input.progressDeadline, '10m'),
      autoRevert: input.autoRevert ?? true,
    };
    const { minHealthyTimeMs, healthyDeadlineMs, progressDeadlineMs } = update;
    if (minHealthyTimeMs >= healthyDeadlineMs || healthyDeadlineMs >= progressDeadlineMs) {
      this.noProblem('update', 'expected min-healthy-time < healthy-deadline < progress-deadline');
    }
    return update;
  }

  arch(text: string | undefined, ofArtifact: Arch | null): Arch | null {
    if (text === undefined) return ofArtifact;
    const arch = this.oneOf<Arch>('arch', text, ['x86_64', 'aarch64']);
    if (ofArtifact !== null && arch !== ofArtifact) {
      this.noProblem('arch', `the bundle is for ${ofArtifact}, not for ${arch}`);
    }
    return arch;
  }

  #expected(name: string, expected: string, text: string): void {
    this.#problems.push(`${name}: expected ${expected}, got "${text}"`);
  }
}
