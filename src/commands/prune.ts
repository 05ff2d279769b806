import { readConnection as readNomadConnection } from '../../deploy/nomad/nomad-connection.ts';
import type { Context } from '../core/context.ts';
import { exitCodes, interrupted, SaddlebagError } from '../core/errors.ts';
import type { PublishedRelease } from '../core/types.ts';
import { formatBytes, parseTimeSpan } from '../core/units.ts';
import { type KeptRelease, type PrunePlan, planPrune, removeReleases } from '../publish/releases/prune.ts';
import { readReleases } from '../publish/releases/store.ts';
import type { CommandResult } from './result.ts';
import { openStore, readDestination, type StoreFlags } from './stores.ts';

/** The flags of `saddlebag prune`. */
export interface PruneFlags extends StoreFlags {
  /** `s3://BUCKET/PREFIX` or a folder; SADDLEBAG_STORE otherwise. */
  readonly from?: string | undefined;
  /** How many of each processor stay. */
  readonly keep: number;
  /** Only what was published so long ago goes: `30d`. */
  readonly olderThan?: string | undefined;
  /** Remove, rather than say what would be removed. */
  readonly delete?: boolean | undefined;
  /** False by `--no-nomad`: remove without asking who uses what. */
  readonly nomad?: boolean | undefined;
  /** Of the Nomad agent; NOMAD_ADDR otherwise. */
  readonly address?: string | undefined;
}

/**
 * Runs `saddlebag prune`: says which releases of a name would go, and with `--delete` removes them; with `--json` the
 * lists.
 * @throws {SaddlebagError} `prune-invalid`, `nomad-unasked`, `interrupted`; what `openStore`, `readReferences` and
 * `removeReleases` throw
 */
export async function runPrune(
  input: { readonly name: string; readonly flags: PruneFlags },
  context: Context,
): Promise<CommandResult> {
  const { flags, name } = input;
  const before = parseBefore(flags.olderThan);
  const asksNomad = flags.nomad !== false && (flags.address ?? context.env.NOMAD_ADDR ?? '') !== '';
  refuseUnasked(flags, asksNomad);
  const destination = readDestination(flags.from, flags, context, '--from');
  const store = await openStore(destination, flags, context);
  const place = { store, prefix: destination.prefix, name };
  const list = await readReleases(place, context);
  if (list.releases.length === 0) step(context, `nothing is published as ${name} in ${store.describe(name)}`);
  const usersOf = asksNomad ? await askNomad(flags, context) : () => [];
  const plan = planPrune(list, { keep: flags.keep, before, usersOf });
  if (flags.delete !== true) {
    if (plan.remove.length > 0) step(context, 'nothing was removed: pass --delete to do it');
    if (!asksNomad) step(context, 'Nomad was not asked what it uses: set NOMAD_ADDR, or pass --address');
    return result(plan, plan.remove, { isDeleted: false, asksNomad });
  }
  try {
    const removed = await removeReleases(place, plan.remove, context);
    return result(plan, removed, { isDeleted: true, asksNomad });
  } catch (cause) {
    if (!context.signal.aborted) throw cause;
    throw interrupted(
      `removing releases of ${name}`,
      'some are off the list, and their files may be there still',
      'run the same command again for those that are listed',
    );
  }
}

function parseBefore(text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  const spanMs = parseTimeSpan(text);
  if (spanMs !== undefined) return new Date(Date.now() - spanMs);
  throw new SaddlebagError(
    'prune-invalid',
    `cannot prune: --older-than: expected a duration like 30d or 12h, got "${text}"`,
    { hint: 'see saddlebag prune --help', exitCode: exitCodes.usage },
  );
}

function refuseUnasked(flags: PruneFlags, asksNomad: boolean): void {
  if (flags.delete !== true || asksNomad || flags.nomad === false) return;
  throw new SaddlebagError('nomad-unasked', 'cannot remove anything: nobody says what Nomad still uses', {
    hint: 'set NOMAD_ADDR or pass --address; --no-nomad removes without asking',
    exitCode: exitCodes.usage,
  });
}

async function askNomad(
  { address }: PruneFlags,
  context: Context,
): Promise<(sha256: string) => readonly string[]> {
  const connection = await readNomadConnection(context.env, { address });
  step(context, `asking Nomad at ${connection.address} what its jobs name`);
  const { readReferences } = await import('../../deploy/running/references.ts');
  const references = await readReferences(connection, context.signal);
  return (sha256) => references.get(sha256) ?? [];
}

function result(
  { keep }: PrunePlan,
  removed: readonly PublishedRelease[],
  { isDeleted, asksNomad }: { readonly isDeleted: boolean; readonly asksNomad: boolean },
): CommandResult {
  const removedBytes = removed.reduce((sum, { artifact }) => sum + artifact.sizeBytes, 0);
  const used = keep.filter(({ reason }) => reason === 'used');
  const verb = isDeleted ? 'removed' : 'would remove';
  const lines = [
    ...removed.map((release) => `${verb} ${describe(release)}`),
    ...used.map(({ release, usedBy }) => `kept ${describe(release)}: ${usedBy.join(', ')}`),
    `${verb} ${removed.length} of ${removed.length + keep.length}, ${formatBytes(removedBytes)}`,
  ];
  return {
    text: lines.join('\n'),
    json: {
      version: 1,
      deleted: isDeleted,
      nomadAsked: asksNomad,
      removed,
      removedBytes,
      kept: keep.map(({ release, reason, usedBy }: KeptRelease) => ({ ...release, reason, usedBy })),
    },
    exitCode: exitCodes.done,
  };
}

function describe({ artifact, publishedAt }: PublishedRelease): string {
  const version = artifact.appVersion === '' ? '' : `@${artifact.appVersion}`;
  const checksum = artifact.checksum.slice(0, 'sha256:'.length + 12);
  return `${artifact.name}${version} ${artifact.arch} ${checksum} of ${publishedAt.slice(0, 10)}`;
}

function step({ reporter }: Context, message: string): void {
  reporter.report({ kind: 'step', stage: 'prune', message });
}
