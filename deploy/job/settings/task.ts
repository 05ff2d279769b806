import type {
  LifecycleSettings,
  LogSettings,
  ResourceSettings,
  SecretSettings,
  TaskSettings,
  TemplateSettings,
  VolumeMountSettings,
  VolumeSettings,
} from '../job-settings.ts';
import { type ReferenceNames, referenceProblem } from '../runtime-reference.ts';
import { absolutePathForm, nameForm, signalForm, userForm, variableForm, variablePathForm } from './forms.ts';
import type { SettingsReader } from './reader.ts';
import { readVolumeMounts } from './storage.ts';
import { destinationProblem } from './task-directory.ts';

/** What a task takes over where it does not say otherwise. */
export interface TaskDefaults {
  readonly name: string;
  readonly jobId: string;
  /** Name of the bundle's file. */
  readonly fileName: string;
  readonly killSignal: string;
  readonly shutdownDelayMs: number | null;
  readonly user: string | null;
  readonly env: Readonly<Record<string, string>>;
  readonly secrets: Readonly<Record<string, SecretSettings>>;
  readonly volumes: readonly VolumeSettings[];
  readonly volumeMounts: readonly VolumeMountSettings[];
}

/** Reads what one task is. */
export function readTask(body: SettingsReader, defaults: TaskDefaults): TaskSettings {
  const lifecycle = readLifecycle(body);
  const env = { ...defaults.env, ...readEnv(body) };
  const secrets = { ...defaults.secrets, ...readSecrets(body, defaults.jobId) };
  const templates = readTemplates(body);
  return {
    name: defaults.name,
    lifecycle,
    fileName: body.text('program', nameForm) ?? defaults.fileName,
    args: readArgs(body, { env: { ...env, ...secrets }, mayKnowMore: templates.some((each) => each.env) }),
    env,
    secrets,
    templates,
    user: body.text('user', userForm) ?? defaults.user,
    workDir: body.text('work_dir', absolutePathForm),
    killSignal: body.text('kill_signal', signalForm) ?? defaults.killSignal,
    killTimeoutMs: body.duration('kill_timeout') ?? 10_000,
    shutdownDelayMs:
      body.duration('shutdown_delay') ?? (lifecycle === null ? defaults.shutdownDelayMs : null),
    volumeMounts: [...defaults.volumeMounts, ...readVolumeMounts(body, defaults.volumes)],
    resources: readResources(body),
    logs: readLogs(body),
    dispatchPayload: readDispatchPayload(body),
  };
}

function readLifecycle(body: SettingsReader): LifecycleSettings | null {
  const block = body.block('lifecycle');
  if (block === null) return null;
  const hook = block.oneOf('hook', ['prestart', 'poststart', 'poststop']);
  const sidecar = block.flag('sidecar') ?? false;
  if (!block.has('hook')) block.problem('hook', 'expected prestart, poststart or poststop');
  if (sidecar && hook === 'poststop')
    block.problem('sidecar', 'nothing is left to run beside after the stop');
  block.end();
  return { hook: hook ?? 'prestart', sidecar };
}

function readEnv(body: SettingsReader): Readonly<Record<string, string>> {
  const env = body.map('env') ?? {};
  for (const [name, value] of Object.entries(env)) {
    if (name === '' || /[=\0]/.test(name)) {
      body.problems.add([...body.path, 'env'], `expected a name without =, got ${JSON.stringify(name)}`);
    }
    if (value.includes('\0')) body.problems.add([...body.path, 'env', name], 'expected text without NUL');
  }
  return env;
}

function readArgs(body: SettingsReader, names: ReferenceNames): readonly string[] {
  const args = body.texts('args') ?? [];
  for (const [index, arg] of args.entries()) {
    const problem = referenceProblem(arg, names);
    if (problem !== undefined) body.problems.add([...body.path, 'args', String(index)], problem);
  }
  return args;
}

/** Reads `secret = { NAME = "path:key" }`; without a path, the variable is the one that belongs to the job. */
function readSecrets(body: SettingsReader, jobId: string): Readonly<Record<string, SecretSettings>> {
  const secrets = Object.entries(body.map('secret') ?? {}).map(([name, text]) => {
    const below = ['secret', name];
    const at = text.lastIndexOf(':');
    const path = at < 0 ? `nomad/jobs/${jobId}` : text.slice(0, at);
    const key = text.slice(at + 1);
    body.checkText(below, name, variableForm);
    body.checkText(below, path, variablePathForm);
    if (!/^[^\s":\p{Cc}]{1,128}$/u.test(key)) {
      body.problems.add([...body.path, ...below], `expected PATH:KEY of a Nomad variable, got "${text}"`);
    }
    return [name, { path, key }] as const;
  });
  return Object.fromEntries(secrets);
}

function readTemplates(body: SettingsReader): readonly TemplateSettings[] {
  const destinations = new Set<string>();
  return body.blocks('template').map((block) => {
    const template = readTemplate(block);
    if (destinations.has(template.destination))
      block.problem('destination', 'another template is written there');
    destinations.add(template.destination);
    return template;
  });
}

function readTemplate(block: SettingsReader): TemplateSettings {
  const env = block.flag('env') ?? false;
  const changeMode = block.oneOf('change_mode', ['noop', 'restart', 'signal']);
  const template = {
    data: block.text('data') ?? '',
    destination: block.text('destination') ?? '',
    env,
    changeMode,
    changeSignal: block.text('change_signal', signalForm),
    perms: block.text('perms', { pattern: /^0?[0-7]{3}$/, expected: 'octal permissions like 0640' }),
  };
  for (const key of ['data', 'destination'] as const) {
    if (template[key] === '') block.problem(key, 'a template needs it');
  }
  if (env && changeMode === 'signal') {
    block.problem('change_mode', 'variables of a process cannot change: take restart or noop');
  }
  const problem = destinationProblem(template.destination);
  if (block.has('destination') && problem !== undefined) block.problem('destination', problem);
  if ((changeMode === 'signal') !== block.has('change_signal')) {
    block.problem('change_signal', 'it belongs to change_mode = "signal", and the other way round');
  }
  block.end();
  return template;
}

function readResources(body: SettingsReader): ResourceSettings {
  const cores = body.number('cores', { min: 1, max: 10_000 });
  const cpu = body.number('cpu', { unit: 'MHz', min: 1 });
  if (cores !== null && body.has('cpu'))
    body.problem('cores', 'cpu is given too: a task takes one of the two');
  const memory = body.number('memory', { unit: 'MiB', min: 10 }) ?? 300;
  return {
    cpu: cores === null ? (cpu ?? 100) : null,
    cores,
    memory,
    memoryMax: body.number('memory_max', { unit: 'MiB', min: memory }),
  };
}

function readLogs(body: SettingsReader): LogSettings | null {
  const block = body.block('logs');
  if (block === null) return null;
  const logs = {
    maxFiles: block.number('max_files', { min: 1, max: 10_000 }),
    maxFileSize: block.number('max_file_size', { unit: 'MB', min: 1 }),
    disabled: block.flag('disabled') ?? false,
  };
  block.end();
  return logs;
}

function readDispatchPayload(body: SettingsReader): string | null {
  const block = body.block('dispatch_payload');
  if (block === null) return null;
  const file = block.text('file', {
    pattern: /^(?!.*(?:^|\/)\.\.(?:\/|$))[^/\p{Cc}][^\p{Cc}]*$/u,
    expected: 'a file name, in local/ of the task',
  });
  if (!block.has('file')) block.problem('file', 'expected a file name, in local/ of the task');
  block.end();
  return file;
}
