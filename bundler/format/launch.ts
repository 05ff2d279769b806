import type { Bind, Entrypoint, EnvSetting, NamedProgram } from '../../src/core/types.ts';
import { bindPolicies, envPolicies } from './layout.ts';
import type { Reader } from './reader.ts';
import { type StringArea, writeReference } from './strings.ts';

/** What is started and in which surroundings, as the header has it. Source: FORMAT.md, "Header". */
export interface Launch
  extends Pick<Entrypoint, 'args' | 'defaultArgs' | 'env' | 'init' | 'ownName' | 'workingDirectory'> {
  /** At least one; the first is the default. */
  readonly entrypoints: readonly NamedProgram[];
  readonly binds: readonly Bind[];
}

/** How many records of each kind there are. */
export type LaunchCounts = Readonly<Record<'entrypoints' | 'args' | 'defaultArgs' | 'env' | 'binds', number>>;

const pairBytes = 16;
const stringBytes = 8;
const policyRecordBytes = 24;

/** Returns the bytes of all records of a launch. */
export function launchBytes(counts: LaunchCounts): number {
  return (
    pairBytes * counts.entrypoints +
    stringBytes * (counts.args + counts.defaultArgs) +
    policyRecordBytes * (counts.env + counts.binds)
  );
}

/** Returns the records of a launch in the order of the file; their strings go to `strings`. */
export function encodeLaunch(launch: Launch, strings: StringArea): readonly Buffer[] {
  const policyRecord = (texts: readonly [string, string], policy: number) => {
    const bytes = Buffer.concat([encodeStrings(texts, strings), Buffer.alloc(8)]);
    bytes.writeUInt32LE(policy, pairBytes);
    return bytes;
  };
  return [
    ...launch.entrypoints.map(({ name, program }) => encodeStrings([name, program], strings)),
    ...[...launch.args, ...launch.defaultArgs].map((argument) => encodeStrings([argument], strings)),
    ...launch.env.map(({ name, value, policy }) => policyRecord([name, value], envPolicies.indexOf(policy))),
    ...launch.binds.map(({ source, target, policy }) =>
      policyRecord([source, target], bindPolicies.indexOf(policy)),
    ),
  ];
}

function encodeStrings(texts: readonly string[], strings: StringArea): Buffer {
  const bytes = Buffer.alloc(stringBytes * texts.length);
  for (const [index, text] of texts.entries()) writeReference(bytes, stringBytes * index, strings.add(text));
  return bytes;
}

/**
 * Reads the records of a launch, which begin at `at` and whose strings stand in `area`.
 * @throws {SaddlebagError} `bundle-damaged`
 */
export function decodeLaunch(
  reader: Reader,
  { at, area, counts }: { readonly at: number; readonly area: Buffer; readonly counts: LaunchCounts },
): Omit<Launch, 'init' | 'ownName' | 'workingDirectory'> {
  const argsAt = at + pairBytes * counts.entrypoints;
  const defaultArgsAt = argsAt + stringBytes * counts.args;
  const envAt = defaultArgsAt + stringBytes * counts.defaultArgs;
  const bindsAt = envAt + policyRecordBytes * counts.env;
  const text = (place: number) => reader.string(place, area);
  return {
    entrypoints: times(counts.entrypoints, (index) => ({
      name: text(at + pairBytes * index),
      program: text(at + pairBytes * index + stringBytes),
    })),
    args: times(counts.args, (index) => text(argsAt + stringBytes * index)),
    defaultArgs: times(counts.defaultArgs, (index) => text(defaultArgsAt + stringBytes * index)),
    env: times(counts.env, (index) => decodeEnv(reader, envAt + policyRecordBytes * index, area)),
    binds: times(counts.binds, (index) => decodeBind(reader, bindsAt + policyRecordBytes * index, area)),
  };
}

function decodeEnv(reader: Reader, at: number, area: Buffer): EnvSetting {
  const name = reader.string(at, area);
  if (name === '' || name.includes('=')) throw reader.error(`"${name}" names no variable`);
  const value = reader.string(at + stringBytes, area);
  return { name, value, policy: decodePolicy(reader, at + pairBytes, envPolicies) };
}

function decodeBind(reader: Reader, at: number, area: Buffer): Bind {
  const [source, target] = [reader.string(at, area), reader.string(at + stringBytes, area)];
  for (const path of [source, target]) {
    if (!isPlainPath(path)) throw reader.error(`a bind has the impossible path ${JSON.stringify(path)}`);
  }
  return { source, target, policy: decodePolicy(reader, at + pairBytes, bindPolicies) };
}

function decodePolicy<Policy>(reader: Reader, at: number, policies: readonly Policy[]): Policy {
  const policy = policies[reader.u32(at)];
  if (policy === undefined) throw reader.error(`policy ${reader.u32(at)} is unknown`);
  reader.zeros(at + 4, 4);
  return policy;
}

/** Tells whether a path is absolute and has no component that is empty, `.` or `..`; `/` itself is not one. */
export function isPlainPath(path: string): boolean {
  const [first, ...components] = path.split('/');
  return (
    first === '' &&
    components.length > 0 &&
    components.every((component) => !['', '.', '..'].includes(component))
  );
}

/** Returns what `make` gives for each number below `count`. */
export function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}
