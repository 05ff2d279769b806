/**
 * Fuzzes the runtime's C: `npm run fuzz`, a minute in all; `-- --seconds 600` fuzzes for longer, `-- --seed 1` with the
 * same inputs each time, so that a change is what makes it fail. Builds with clang, shows that a check that was taken away
 * is found, then fuzzes all targets from the inputs kept in test/fixtures/fuzz. Fails on a crash, a leak or an input that
 * takes ten seconds, and leaves the input; `--keep` adds what was found to the kept inputs. Without clang or its libFuzzer
 * there is nothing to do, which is said, and an error where SADDLEBAG_TESTS_MUST_RUN names clang.
 */
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { isRequired } from '../helpers/needs.ts';
import {
  buildTargets,
  corpusOf,
  type FuzzRun,
  keepFound,
  runTarget,
  type TargetName,
  targetNames,
  whyNot,
} from './targets.ts';

/** In which a missing check has to be found; it takes one or two on a quiet machine. */
const proofSeconds = 60;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '40' },
    seed: { type: 'string' },
    keep: { type: 'boolean', default: false },
  },
});

function numberOf(option: string, text: string, least: number): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < least)
    throw new Error(`${option} ${text}: not a number of ${least} or more`);
  return number;
}

const seconds = numberOf('--seconds', values.seconds, 3);
// libFuzzer takes 0 for none.
const seed = values.seed === undefined ? undefined : numberOf('--seed', values.seed, 1);

const say = (line: string) => process.stdout.write(`${line}\n`);

function report(name: TargetName, run: FuzzRun): boolean {
  const coverage = `${run.coveredEdges} of ${run.edges} edges`;
  say(`${name}: ${run.ok ? 'ok' : 'FAILED'}, ${run.executions} executions, ${coverage}`);
  if (!run.ok) process.stderr.write(`${run.log.split('\n').slice(-80).join('\n').trimEnd()}\n`);
  if (run.failedInput !== undefined) say(`reproduce: ${run.program} ${run.failedInput}`);
  return run.ok;
}

/** The bundle takes one processor for the whole time, the others share the second one. */
async function fuzzAll(directory: string): Promise<boolean> {
  const [first, ...others] = targetNames;
  const share = Math.floor(seconds / others.length);
  const results = await Promise.all([
    runTarget(directory, first, { seconds, seed }).then((run) => report(first, run)),
    (async () => {
      let ok = true;
      for (const name of others)
        ok = report(name, await runTarget(directory, name, { seconds: share, seed })) && ok;
      return ok;
    })(),
  ]);
  return results.every(Boolean);
}

/** Of bundles those that make.ts makes are enough: a minute finds half a megabyte from them. */
async function keepAll(directory: string): Promise<void> {
  for (const name of targetNames.filter((target) => target !== 'bundle')) {
    const merged = join(directory, `${name}-kept`);
    await keepFound(directory, name, merged);
    await rm(corpusOf(name), { recursive: true });
    await cp(merged, corpusOf(name), { recursive: true });
  }
}

/** Fuzzes a build that lacks a check: what finds nothing there would find nothing at all. */
async function proveItFinds(directory: string): Promise<boolean> {
  const { failedInput, executions } = await runTarget(directory, 'unchecked', {
    seconds: proofSeconds,
    seed,
  });
  const isFound = failedInput !== undefined;
  say(`a check taken away: ${isFound ? 'found' : 'NOT found'} after ${executions} executions`);
  return isFound;
}

async function fuzz(): Promise<boolean> {
  const directory = await buildTargets([...targetNames, 'unchecked']);
  const isFound = await proveItFinds(directory);
  const ok = (await fuzzAll(directory)) && isFound;
  if (ok && values.keep) await keepAll(directory);
  if (ok) await rm(directory, { recursive: true });
  else say(`inputs and programs are in ${directory}`);
  return ok;
}

const missing = await whyNot();
if (missing === undefined) {
  process.exitCode = (await fuzz()) ? 0 : 1;
} else {
  say(`skipped: fuzzing: ${missing}`);
  process.exitCode = isRequired('clang') ? 1 : 0;
}
