import type { EphemeralDiskSettings, VolumeMountSettings, VolumeSettings } from '../job-settings.ts';
import { absolutePathForm, nameForm } from './forms.ts';
import type { SettingsReader } from './reader.ts';

/** Volumes of a group, and where its main task sees those that say so themselves. */
export interface ReadVolumes {
  readonly volumes: readonly VolumeSettings[];
  readonly mounts: readonly VolumeMountSettings[];
}

/** Reads the `volume` blocks of a group. `destination` in one is short for a `volume_mount` of the main task. */
export function readVolumes(body: SettingsReader): ReadVolumes {
  const read = body.labelled('volume').map(([name, block]) => {
    block.checkText([], name, nameForm);
    const destination = block.text('destination', absolutePathForm);
    const volume = readVolume(name, block);
    return { volume, destination };
  });
  return {
    volumes: read.map(({ volume }) => volume),
    mounts: read.flatMap(({ volume, destination }) =>
      destination === null ? [] : [{ volume: volume.name, destination, readOnly: volume.readOnly }],
    ),
  };
}

function readVolume(name: string, block: SettingsReader): VolumeSettings {
  const type = block.oneOf('type', ['host', 'csi']) ?? 'host';
  const options = block.block('mount_options');
  const volume = {
    name,
    type,
    source: block.text('source', nameForm) ?? name,
    readOnly: block.flag('read_only') ?? false,
    accessMode: block.text('access_mode'),
    attachmentMode: block.text('attachment_mode'),
    perAlloc: block.flag('per_alloc') ?? false,
    sticky: block.flag('sticky') ?? false,
    fsType: options?.text('fs_type') ?? null,
    mountFlags: options?.texts('mount_flags') ?? [],
  };
  for (const key of ['access_mode', 'attachment_mode']) {
    if (type === 'csi' && !block.has(key)) block.problem(key, 'a CSI volume needs it');
  }
  if (type === 'host' && options !== null) block.problem('mount_options', 'only a CSI volume is mounted');
  options?.end();
  block.end();
  return volume;
}

/** Reads the `volume_mount` blocks of a task. */
export function readVolumeMounts(
  body: SettingsReader,
  volumes: readonly VolumeSettings[],
): readonly VolumeMountSettings[] {
  const names = volumes.map(({ name }) => name);
  return body.blocks('volume_mount').map((block) => {
    const volume = block.text('volume') ?? '';
    if (!names.includes(volume)) {
      block.problem(
        'volume',
        `expected a volume of the group${names.length === 0 ? '' : ` (${names.join(', ')})`}`,
      );
    }
    const destination = block.text('destination', absolutePathForm) ?? '';
    if (!block.has('destination')) block.problem('destination', 'expected where the task sees it');
    const mount = { volume, destination, readOnly: block.flag('read_only') ?? false };
    block.end();
    return mount;
  });
}

/** Reads `ephemeral_disk`. */
export function readEphemeralDisk(body: SettingsReader): EphemeralDiskSettings | null {
  const block = body.block('ephemeral_disk');
  if (block === null) return null;
  const disk = {
    size: block.number('size', { min: 10, unit: 'MB' }),
    migrate: block.flag('migrate') ?? false,
    sticky: block.flag('sticky') ?? false,
  };
  block.end();
  return disk;
}
