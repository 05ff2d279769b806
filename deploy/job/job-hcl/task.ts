import { attribute, block, type HclItem, heredoc } from '../hcl.ts';
import type {
  NomadArtifact,
  NomadLogConfig,
  NomadResources,
  NomadSecret,
  NomadTask,
  NomadTemplate,
  NomadVolumeMount,
} from '../job-model.ts';
import { duration } from './nanoseconds.ts';

/** Renders a task. */
export function taskBlock(task: NomadTask): HclItem {
  const { DispatchPayload, Lifecycle, LogConfig } = task;
  return block(
    'task',
    [task.Name],
    [
      ...attribute('driver', task.Driver),
      ...attribute('user', task.User),
      ...attribute('kill_signal', task.KillSignal),
      ...attribute('kill_timeout', duration(task.KillTimeout)),
      ...attribute('shutdown_delay', duration(task.ShutdownDelay)),
      ...(Lifecycle === undefined
        ? []
        : [
            block(
              'lifecycle',
              [],
              [...attribute('hook', Lifecycle.Hook), ...attribute('sidecar', Lifecycle.Sidecar)],
            ),
          ]),
      block(
        'config',
        [],
        [
          ...attribute('command', task.Config.command),
          ...attribute('args', task.Config.args),
          ...attribute('work_dir', task.Config.work_dir),
        ],
      ),
      ...(DispatchPayload === undefined
        ? []
        : [block('dispatch_payload', [], attribute('file', DispatchPayload.File))]),
      ...(task.Secrets ?? []).map(secretBlock),
      ...task.Artifacts.map(artifactBlock),
      ...(task.Templates ?? []).map(templateBlock),
      ...attribute('env', task.Env),
      ...(task.VolumeMounts ?? []).map(volumeMountBlock),
      resourcesBlock(task.Resources),
      ...(LogConfig === undefined ? [] : [logsBlock(LogConfig)]),
    ],
  );
}

function secretBlock(secret: NomadSecret): HclItem {
  return block(
    'secret',
    [secret.Name],
    [...attribute('provider', secret.Provider), ...attribute('path', secret.Path)],
  );
}

function artifactBlock(artifact: NomadArtifact): HclItem {
  const options = artifact.GetterOptions;
  return block(
    'artifact',
    [],
    [
      ...attribute('source', artifact.GetterSource),
      ...attribute('destination', artifact.RelativeDest),
      ...attribute('mode', artifact.GetterMode),
      block(
        'options',
        [],
        [
          ...attribute('archive', options.archive),
          ...attribute('checksum', options.checksum),
          ...attribute('aws_access_key_id', options.aws_access_key_id),
          ...attribute('aws_access_key_secret', options.aws_access_key_secret),
        ],
      ),
    ],
  );
}

function templateBlock(template: NomadTemplate): HclItem {
  return block(
    'template',
    [],
    [
      ...heredoc('data', template.EmbeddedTmpl),
      ...attribute('destination', template.DestPath),
      ...attribute('env', template.Envvars),
      ...attribute('change_mode', template.ChangeMode),
      ...attribute('change_signal', template.ChangeSignal),
      ...attribute('perms', template.Perms),
    ],
  );
}

function volumeMountBlock(mount: NomadVolumeMount): HclItem {
  return block(
    'volume_mount',
    [],
    [
      ...attribute('volume', mount.Volume),
      ...attribute('destination', mount.Destination),
      ...attribute('read_only', mount.ReadOnly),
    ],
  );
}

function resourcesBlock(resources: NomadResources): HclItem {
  return block(
    'resources',
    [],
    [
      ...attribute('cpu', resources.CPU),
      ...attribute('cores', resources.Cores),
      ...attribute('memory', resources.MemoryMB),
      ...attribute('memory_max', resources.MemoryMaxMB),
    ],
  );
}

function logsBlock(logs: NomadLogConfig): HclItem {
  return block(
    'logs',
    [],
    [
      ...attribute('disabled', logs.Disabled),
      ...attribute('max_files', logs.MaxFiles),
      ...attribute('max_file_size', logs.MaxFileSizeMB),
    ],
  );
}
