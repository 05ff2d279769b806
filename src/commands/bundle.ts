import { availableParallelism, totalmem } from 'node:os';
import { resolve } from 'node:path';
import { constrainedMemory } from 'node:process';
import { closedCache, openCache } from '../../bundler/cache/open.ts';
import { type ClosureRequest, readClosure } from '../../bundler/closure/closure.ts';
import { parseDataKinds } from '../../bundler/closure/data/kinds.ts';
import { checkCompleteness, parseAllow } from '../../bundler/completeness/completeness.ts';
import type { KnownFiles } from '../../bundler/completeness/known-facts.ts';
import {
  type CompressionName,
  chooseJobs,
  compressions,
  describeEncoder,
} from '../../bundler/compression.ts';
import { writeBundle } from '../../bundler/executable.ts';
import { surveyClosure } from '../../bundler/fingerprint.ts';
import { readRuntime } from '../../bundler/runtime-file.ts';
import { tryBundle } from '../../bundler/trial.ts';
import { bundleFileName } from '../core/bundle-name.ts';
import type { Context } from '../core/context.ts';
import { exitCodes, interrupted, SaddlebagError } from '../core/errors.ts';
import { refuseTaken, writeAtomically } from '../core/files.ts';
import { withoutDeploySecrets } from '../core/own-secrets.ts';
import type { Bind, Bundle, Closure } from '../core/types.ts';
import { formatBytes, formatDuration } from '../core/units.ts';
import { withWorkDirectory } from '../core/work-directory.ts';
import { describeNamespaces } from './namespaces.ts';
import { rememberDigest } from './publish/known-digest.ts';
import type { CommandResult } from './result.ts';
import { toolVersion } from './version.ts';

/** The flags of `saddlebag bundle`. */
export interface BundleFlags {
  readonly output?: string;
  readonly force?: boolean;
  /** Where its bill of materials goes. */
  readonly sbom?: string;
  readonly entrypoint?: string;
  readonly program?: readonly string[];
  readonly allPrograms?: boolean;
  /** A Nix file. */
  readonly file?: string;
  readonly attr?: string;
  readonly expr?: string;
  readonly storePaths?: string;
  /** True where no interpreter was named. */
  readonly python?: string | true;
  readonly node?: string | true;
  readonly name?: string;
  readonly appVersion?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly arg?: readonly string[];
  readonly workdir?: string;
  readonly bind?: readonly Bind[];
  readonly init?: boolean;
  /** False with `--no-runtime-options`. */
  readonly runtimeOptions?: boolean;
  readonly include?: readonly string[];
  /** Lists of names, with commas between. */
  readonly with?: readonly string[];
  readonly without?: readonly string[];
  /** Names of checks whose findings are all right. */
  readonly allow?: readonly string[];
  readonly exclude?: readonly string[];
  /** Whether to run what stands behind `--` before, to see what it opens. */
  readonly trace?: boolean;
  /** Whether to run it after, with the finished bundle, in an empty root. */
  readonly check?: boolean;
  readonly compress: CompressionName;
  /** Defaults to the number of processors, or less where memory is short. */
  readonly jobs?: number;
  /** False with `--no-cache`. */
  readonly cache?: boolean;
}

/**
 * Packs an app and its closure into one executable file.
 * @returns the path of the bundle; as JSON the Bundle
 * @throws {SaddlebagError} what reading the closure and writing the bundle throw; `interrupted`
 */
export async function runBundle(
  input: { readonly app?: string; readonly command: readonly string[]; readonly flags: BundleFlags },
  given: Context,
): Promise<CommandResult<Bundle>> {
  const context: Context = { ...given, env: withoutDeploySecrets(given.env) };
  const startedMs = Date.now();
  const allow = parseAllow(input.flags.allow ?? []);
  await refuseOutputs(input.flags, context);
  const { cache, close } = input.flags.cache === false ? closedCache : await openCache(context);
  try {
    const bundle = await withWorkDirectory('saddlebag-', async (workDirectory) => {
      const closure = await readClosure(closureRequest(input), workDirectory, context);
      const known = { cache, survey: await surveyClosure(closure, context.signal), toolVersion };
      await checkCompleteness(closure, { allow, known }, context);
      const output = resolve(context.cwd, input.flags.output ?? bundleFileName(closure));
      refuseSame(input.flags, output, context);
      warnInside(output, { app: input.app ?? '', closure }, context);
      return bundleClosure(closure, { ...input, output, known, workDirectory }, context);
    });
    if (input.flags.cache !== false) await rememberDigest(bundle, context);
    reportBundle(bundle, Date.now() - startedMs, context);
    if (input.flags.sbom !== undefined) await writeSbom(bundle, input.flags.sbom, context);
    return { text: bundle.file, json: bundle, exitCode: exitCodes.done };
  } catch (cause) {
    if (!context.signal.aborted) throw cause;
    throw interrupted(
      `bundling ${input.app ?? input.flags.file ?? 'what Nix builds'}`,
      'nothing was written',
      'run the same command again',
    );
  } finally {
    await close();
  }
}

/** What is named may come to an end after minutes only; that it has no place to go is told before. */
async function refuseOutputs(flags: BundleFlags, context: Context): Promise<void> {
  const { output, sbom, force = false } = flags;
  const { cwd } = context;
  if (output !== undefined) await refuseTaken(resolve(cwd, output), { force });
  if (sbom === undefined) return;
  await refuseTaken(resolve(cwd, sbom), { force: true });
  if (output !== undefined) refuseSame(flags, resolve(cwd, output), context);
}

/** Bundled again, a directory holds the bundle of before, and so on. Whoever leaves files out has seen to it. */
function warnInside(
  output: string,
  { app, closure }: { readonly app: string; readonly closure: Closure },
  { cwd, reporter }: Context,
): void {
  const directory = resolve(cwd, app.replace(/^[a-z]+:/, ''));
  const isCopied = closure.source === 'directory' || closure.source === 'python' || closure.source === 'node';
  if (!isCopied || closure.excluded.length > 0 || !output.startsWith(`${directory}/`)) return;
  reporter.report({
    kind: 'warning',
    stage: 'bundle',
    code: 'output-inside',
    message: `${output} lies in the directory that is bundled: the next bundle of it will hold this one`,
    hint: 'write it elsewhere with -o, or leave it out with --exclude',
  });
}

/** The bill of materials replaces an older one, and is not to replace the bundle. */
function refuseSame({ sbom }: BundleFlags, output: string, { cwd }: Context): void {
  if (sbom === undefined || resolve(cwd, sbom) !== output) return;
  throw new SaddlebagError(
    'flags-conflict',
    `cannot write ${output}: it is the bundle and its bill of materials`,
    {
      hint: 'give --sbom another file',
      exitCode: exitCodes.usage,
    },
  );
}

/** Replaces an older one: it says nothing that the bundle does not. */
async function writeSbom(bundle: Bundle, file: string, { cwd, signal }: Context): Promise<void> {
  const { renderSbom } = await import('../publish/provenance/sbom.ts');
  const text = renderSbom({ ...bundle, contents: bundle });
  await writeAtomically(resolve(cwd, file), { force: true, mode: 0o644, signal }, (handle) =>
    handle.writeFile(text),
  );
}

function closureRequest({
  app,
  command,
  flags,
}: {
  readonly app?: string;
  readonly command: readonly string[];
  readonly flags: BundleFlags;
}): ClosureRequest {
  const wanted = flags.trace === true || flags.check === true;
  if (wanted !== command.length > 0) throw commandUsage(command);
  return {
    ...(app === undefined ? {} : { app }),
    nix: nixRequest(flags),
    ...(flags.storePaths === undefined ? {} : { storePaths: flags.storePaths }),
    ...(flags.program === undefined && flags.allPrograms !== true
      ? {}
      : { programs: { named: flags.program ?? [], all: flags.allPrograms === true } }),
    args: flags.arg ?? [],
    env: flags.env ?? {},
    include: flags.include ?? [],
    exclude: flags.exclude ?? [],
    binds: flags.bind ?? [],
    init: flags.init ?? false,
    ...(flags.workdir === undefined ? {} : { workingDirectory: flags.workdir }),
    ...(flags.trace === true ? { trace: command } : {}),
    data: { with: parseDataKinds(flags.with ?? []), without: parseDataKinds(flags.without ?? []) },
    ...(flags.entrypoint === undefined ? {} : { entrypoint: flags.entrypoint }),
    ...(flags.name === undefined ? {} : { name: flags.name }),
    ...(flags.appVersion === undefined ? {} : { appVersion: flags.appVersion }),
    ...projectRequest(flags),
  };
}

function nixRequest({ file, attr, expr }: BundleFlags): NonNullable<ClosureRequest['nix']> {
  return {
    ...(file === undefined ? {} : { file }),
    ...(attr === undefined ? {} : { attribute: attr }),
    ...(expr === undefined ? {} : { expression: expr }),
  };
}

function projectRequest({ python, node }: BundleFlags): Pick<ClosureRequest, 'project'> {
  if (python !== undefined && node !== undefined) {
    throw new SaddlebagError('flags-conflict', 'cannot read a project as Python and as Node', {
      hint: 'choose one of --python and --node',
      exitCode: exitCodes.usage,
    });
  }
  const asked = python ?? node;
  if (asked === undefined) return {};
  const kind = python === undefined ? 'node' : 'python';
  return { project: { kind, interpreter: asked === true ? null : asked } };
}

function commandUsage([first]: readonly string[]): SaddlebagError {
  const reason =
    first === undefined
      ? '--trace and --check need a command behind --'
      : `"${first}" stands behind --, and neither --trace nor --check says what for`;
  return new SaddlebagError('usage-invalid', `cannot read the arguments: ${reason}`, {
    hint: 'saddlebag bundle <app> --trace -- <command that exercises it>',
    exitCode: exitCodes.usage,
  });
}

async function bundleClosure(
  closure: Closure,
  {
    flags,
    command,
    output,
    known,
    workDirectory,
  }: {
    readonly flags: BundleFlags;
    readonly command: readonly string[];
    /** Absolute. */
    readonly output: string;
    readonly known: KnownFiles;
    readonly workDirectory: string;
  },
  context: Context,
): Promise<Bundle> {
  const compression = compressions[flags.compress];
  // A container's limit; 0 or beyond all bounds where there is none.
  const memoryBytes = Math.min(constrainedMemory() || totalmem(), totalmem());
  const machine = { processors: availableParallelism(), memoryBytes };
  const jobs = flags.jobs ?? chooseJobs(compression, machine);
  context.reporter.report({
    kind: 'step',
    stage: 'image',
    message: `compressing ${count(closure.paths.length, 'store path')}, ${flags.compress} (${describeEncoder(compression)}), ${jobs} at once`,
  });
  const accept = (bundle: string) => tryBundle({ bundle, name: output, command, workDirectory }, context);
  return writeBundle(closure, {
    output,
    ...(flags.check === true ? { accept } : {}),
    force: flags.force ?? false,
    ...known,
    runtime: await readRuntime(closure.arch),
    runtimeOptions: flags.runtimeOptions ?? true,
    compression,
    jobs,
    signal: context.signal,
    reporter: context.reporter,
  });
}

function reportBundle(bundle: Bundle, durationMs: number, context: Context): void {
  const { image } = bundle;
  const entries = image.paths.reduce((sum, path) => sum + path.entries, 0);
  context.reporter.report({
    kind: 'step',
    stage: 'bundle',
    message: `${formatBytes(bundle.sizeBytes)} for ${formatBytes(image.contentBytes)} in ${count(entries, 'entry', 'entries')}, after ${formatDuration(durationMs)}`,
  });
  context.reporter.report({ kind: 'step', stage: 'bundle', message: describeNamespaces(bundle) });
}

function count(number: number, one: string, many = `${one}s`): string {
  return `${number.toLocaleString('en-US')} ${number === 1 ? one : many}`;
}
