import type { DeployArtifact } from '../artifact/artifact.ts';
import { plainName } from '../job/settings/forms.ts';

/** Of an artifact in a job what tells where its file lands; undefined where it is computed. */
export interface ArtifactFields {
  readonly source: string | undefined;
  readonly destination: string | undefined;
  /** `any`, `file` or `dir`. */
  readonly mode: string | undefined;
}

/**
 * Chooses among a task's artifacts the one that a new version replaces: the one that brings the command; the one that
 * lies where we would put it; the only one, where the command may well come from it. Undefined: none, add one.
 * Returns its index.
 */
export function chooseArtifact(
  artifacts: readonly ArtifactFields[],
  { command, fileName }: { readonly command: string | undefined; readonly fileName: string },
): number | undefined {
  const byCommand = artifacts.findIndex((fields) => isCommandOf(command, placeOf(fields)));
  if (byCommand >= 0) return byCommand;
  const byPlace = artifacts.findIndex((fields) => placeOf(fields) === `local/${fileName}`);
  if (byPlace >= 0) return byPlace;
  const [only] = artifacts;
  const mayBring = only !== undefined && artifacts.length === 1 && !isUnpacked(only) && !isOfHost(command);
  return mayBring ? 0 : undefined;
}

/** Tells whether an artifact other than the chosen one lands at a place. */
export function isTaken(
  artifacts: readonly ArtifactFields[],
  chosen: number | undefined,
  place: string,
): boolean {
  return artifacts.some((fields, index) => index !== chosen && placeOf(fields) === place);
}

/** Returns where an artifact's file lands, from the task's directory; undefined where that cannot be told. */
export function placeOf({ source, destination, mode }: ArtifactFields): string | undefined {
  if (destination === undefined || mode === undefined || mode === 'dir') return undefined;
  const place = inTask(destination);
  if (mode === 'file') return place;
  const file = baseNameOf(source);
  return file === undefined ? undefined : inTask(`${place}/${file}`);
}

/** Tells whether a command starts the file at a place. Source: Nomad's exec driver, lookup of `command`. */
export function isCommandOf(command: string | undefined, place: string | undefined): boolean {
  if (command === undefined || place === undefined) return false;
  return inTask(command) === place || inTask(`local/${inTask(command)}`) === place;
}

/** Returns the name that a bundle has in a task: without a version, so that a release changes no command. */
export function plainFileName({ name }: DeployArtifact): string {
  return plainName(name, 'app');
}

/** Makes a path one from the task's directory, which is what all of its forms mean. */
function inTask(path: string): string {
  return path
    .replace(/^\$\{NOMAD_TASK_DIR\}/, 'local')
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/');
}

function baseNameOf(source: string | undefined): string | undefined {
  const name = source?.split('?')[0]?.split('/').at(-1);
  return name === undefined || name === '' || name.includes('{') ? undefined : name;
}

/** Tells whether Nomad would unpack an artifact, so that no file of its name lands. */
function isUnpacked({ source, mode }: ArtifactFields): boolean {
  const isArchive = /\.(?:tar(?:\.(?:gz|bz2|xz|zst))?|t(?:gz|bz2|xz|zst)|zip|gz|bz2|xz|zst)$/;
  return mode === 'dir' || (mode !== 'file' && isArchive.test(baseNameOf(source) ?? ''));
}

/** Tells whether a command is a program of the host's: an absolute path that is not in the task's directories. */
function isOfHost(command: string | undefined): boolean {
  return command !== undefined && /^\/(?!local\/|alloc\/|secrets\/)/.test(command);
}
