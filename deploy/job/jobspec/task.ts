import type { ArtifactSource } from '../../artifact/artifact-source.ts';
import type {
  NomadArtifact,
  NomadLogConfig,
  NomadResources,
  NomadTask,
  NomadTemplate,
  NomadVolumeMount,
} from '../job-model.ts';
import type {
  LogSettings,
  ResourceSettings,
  SecretSettings,
  TaskSettings,
  TemplateSettings,
  VolumeMountSettings,
} from '../job-settings.ts';
import { nanoseconds } from './nanoseconds.ts';

/** What is fetched, and with what. */
export interface Download {
  readonly source: ArtifactSource;
  /** Path of a Nomad variable with S3 credentials; null for none. */
  readonly s3Variable: string | null;
}

/** Renders a task: the bundle, fetched into the task's directory, and how it is started there. */
export function renderTask(download: Download, settings: TaskSettings): NomadTask {
  const { dispatchPayload, env, lifecycle, logs, shutdownDelayMs, user, volumeMounts } = settings;
  const templates = [...renderSecrets(settings.secrets), ...settings.templates.map(renderTemplate)];
  return {
    Name: settings.name,
    Driver: 'exec',
    ...(user === null ? {} : { User: user }),
    ...(lifecycle === null
      ? {}
      : { Lifecycle: { Hook: lifecycle.hook, ...(lifecycle.sidecar ? { Sidecar: true } : {}) } }),
    Config: {
      command: `local/${settings.fileName}`,
      ...(settings.args.length === 0 ? {} : { args: settings.args }),
      ...(settings.workDir === null ? {} : { work_dir: settings.workDir }),
    },
    ...(dispatchPayload === null ? {} : { DispatchPayload: { File: dispatchPayload } }),
    ...(download.s3Variable === null
      ? {}
      : { Secrets: [{ Name: 's3', Provider: 'nomad', Path: download.s3Variable } as const] }),
    Artifacts: [renderArtifact(download, settings.fileName)],
    ...(templates.length === 0 ? {} : { Templates: templates }),
    ...(Object.keys(env).length === 0 ? {} : { Env: env }),
    ...(volumeMounts.length === 0 ? {} : { VolumeMounts: volumeMounts.map(renderVolumeMount) }),
    KillSignal: settings.killSignal,
    KillTimeout: nanoseconds(settings.killTimeoutMs),
    ...(shutdownDelayMs === null ? {} : { ShutdownDelay: nanoseconds(shutdownDelayMs) }),
    Resources: renderResources(settings.resources),
    ...(logs === null ? {} : { LogConfig: renderLogs(logs) }),
  };
}

/**
 * Renders the download of the bundle as one file that is never unpacked: go-getter would turn links into empty files and
 * stop at 4,096 of them.
 */
function renderArtifact({ source, s3Variable }: Download, fileName: string): NomadArtifact {
  return {
    GetterSource: source.url,
    GetterMode: 'file',
    GetterOptions: {
      archive: 'false',
      checksum: source.checksum,
      ...(s3Variable === null ? {} : s3Options),
    },
    RelativeDest: `local/${fileName}`,
  };
}

/** What of the variable's items a download takes: they stand in the job by name only. */
const s3Options = {
  aws_access_key_id: `\${secret.s3.aws_access_key_id}`,
  aws_access_key_secret: `\${secret.s3.aws_secret_access_key}`,
} as const;

/**
 * Renders the variables whose values are in Nomad's own: one template that the client fills in, with each value quoted so
 * that it may hold anything. Neither the job nor its plan shows one.
 */
function renderSecrets(secrets: Readonly<Record<string, SecretSettings>>): readonly NomadTemplate[] {
  const entries = Object.entries(secrets);
  if (entries.length === 0) return [];
  const paths = [...new Set(entries.map(([, { path }]) => path))].sort();
  const parts = paths.map((path) => {
    const lines = entries
      .filter(([, secret]) => secret.path === path)
      .map(([name, { key }]) => `${name}={{ ${itemOf(key)} | toJSON }}\n`);
    return `{{ with nomadVar ${JSON.stringify(path)} -}}\n${lines.join('')}{{ end -}}\n`;
  });
  // In a tmpfs that no other task sees, and which is no part of what a client shows of the task's files.
  return [{ EmbeddedTmpl: parts.join(''), DestPath: 'secrets/saddlebag.env', Envvars: true }];
}

/** How a template names an item: only an identifier may follow a dot. */
function itemOf(key: string): string {
  return /^[A-Za-z_][0-9A-Za-z_]*$/.test(key) ? `.${key}.Value` : `(index . ${JSON.stringify(key)}).Value`;
}

function renderTemplate(template: TemplateSettings): NomadTemplate {
  const { changeMode, changeSignal, env, perms } = template;
  return {
    EmbeddedTmpl: template.data,
    DestPath: template.destination,
    ...(env ? { Envvars: true } : {}),
    ...(changeMode === null ? {} : { ChangeMode: changeMode }),
    ...(changeSignal === null ? {} : { ChangeSignal: changeSignal }),
    ...(perms === null ? {} : { Perms: perms }),
  };
}

function renderVolumeMount({ volume, destination, readOnly }: VolumeMountSettings): NomadVolumeMount {
  return { Volume: volume, Destination: destination, ...(readOnly ? { ReadOnly: true } : {}) };
}

function renderResources({ cpu, cores, memory, memoryMax }: ResourceSettings): NomadResources {
  return {
    ...(cpu === null ? {} : { CPU: cpu }),
    ...(cores === null ? {} : { Cores: cores }),
    MemoryMB: memory,
    ...(memoryMax === null ? {} : { MemoryMaxMB: memoryMax }),
  };
}

function renderLogs({ maxFiles, maxFileSize, disabled }: LogSettings): NomadLogConfig {
  return {
    ...(maxFiles === null ? {} : { MaxFiles: maxFiles }),
    ...(maxFileSize === null ? {} : { MaxFileSizeMB: maxFileSize }),
    ...(disabled ? { Disabled: true } : {}),
  };
}
