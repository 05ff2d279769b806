/*
 * `npm run bench`: what a bundle's starts cost, in time and memory, and how large it is, beside the app itself, `tar` and
 * other tools. Asserts nothing. `--help` says more.
 */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Section } from './figure.ts';
import { describeCommit, describeMachine, openFuse, runWithOwnMounts } from './machine.ts';
import { once } from './once.ts';
import { panelsOf, type Results, renderPage, renderTable, renderTargets } from './page.ts';
import { type PayloadName, payloadNames, payloadsIn } from './payloads.ts';
import { makePeers } from './peers.ts';
import { renderPlot } from './plot.ts';
import type { Bench, Scenario } from './scenario.ts';
import { bundling } from './scenarios/bundle.ts';
import { cold } from './scenarios/cold.ts';
import { deploying } from './scenarios/deploy.ts';
import { lazy } from './scenarios/lazy.ts';
import { memory } from './scenarios/memory.ts';
import { peers } from './scenarios/peers.ts';
import { publishing } from './scenarios/publish.ts';
import { render } from './scenarios/render.ts';
import { size } from './scenarios/size.ts';
import { warm } from './scenarios/warm.ts';

/** In the order of the page, which is also that of the runs. */
const scenarios: readonly Scenario[] = [
  cold,
  warm,
  lazy,
  memory,
  peers,
  size,
  render,
  publishing,
  deploying,
  bundling,
];

const help = `npm run bench -- [options]

  --only NAME    one scenario: ${scenarios.map(({ name }) => name).join(', ')}; may be repeated
  --rounds N     measured rounds of the Flask app (15); the others follow
  --scale X      large payloads smaller by this factor, to try something; nothing is written
  --payload NAME flask, large or many alone, of those that a scenario has; may be repeated
  --no-large-tar leave out tar and bzip2 of the 1 GB payload, which take minutes, and xz of a closure of that size,
                 which takes half an hour once: its size is kept
  --write        with --only: write docs/benchmarks.md too, with the last figures of the others
  --json         the figures as JSON on stdout
  --help

A run of all of them takes some half an hour and 10 GB of disk, and writes docs/benchmarks.md and docs/benchmarks.svg. It
needs root (it starts all things as another user), nix-build, and for PyInstaller and staticx a network. TMPDIR chooses
the file system.
`;

const docs = fileURLToPath(new URL('../../docs/', import.meta.url));
/** The last figures of each scenario, for `--only … --write`. */
const lastFile = fileURLToPath(new URL('../../node_modules/.cache/saddlebag/bench.json', import.meta.url));

function readLast(): readonly Section[] {
  try {
    return JSON.parse(readFileSync(lastFile, 'utf8')) as readonly Section[];
  } catch {
    return [];
  }
}

/** Puts a section in place of the one of an earlier run; they are in the order of the page. */
function keep(section: Section): void {
  const all = [section, ...readLast()];
  mkdirSync(dirname(lastFile), { recursive: true });
  const kept = scenarios.flatMap(({ name }) => all.find((each) => each.name === name) ?? []);
  writeFileSync(lastFile, JSON.stringify(kept));
}

async function measure(scenario: Scenario, bench: Bench): Promise<Section> {
  process.stderr.write(`${scenario.name} …\n`);
  const { name, title, lead } = scenario;
  const [before = 0] = loadavg();
  const start = new Date();
  const found = await scenario.run(bench).catch((cause: unknown) => ({
    figures: [],
    targets: [],
    notes: [],
    failure: cause instanceof Error ? cause.message : String(cause),
  }));
  return {
    name,
    title,
    lead,
    takenAt: start.toISOString(),
    commit: await describeCommit(),
    load: [before, loadavg()[0] ?? 0],
    seconds: (Date.now() - start.getTime()) / 1000,
    ...found,
  };
}

function writePage(results: Results): void {
  const description =
    'Bars: first and next start, and size, of one Flask app packed by Saddlebag and by other tools';
  writeFileSync(join(docs, 'benchmarks.svg'), renderPlot(panelsOf(results), description));
  writeFileSync(join(docs, 'benchmarks.md'), renderPage(results));
}

function show({ title, figures, targets, notes, beside, failure }: Section): string {
  const parts = [`${title}`];
  if (figures.length > 0) parts.push(renderTable(figures, beside));
  if (targets.length > 0) parts.push(renderTargets(targets));
  if (notes.length > 0) parts.push(notes.join('\n'));
  if (failure !== undefined) parts.push(`failed: ${failure}`);
  return `${parts.join('\n\n')}\n\n`;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', multiple: true },
      rounds: { type: 'string', default: '15' },
      scale: { type: 'string', default: '1' },
      payload: { type: 'string', multiple: true, default: [...payloadNames] },
      'no-large-tar': { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return;
  }
  const [rounds, scale] = [Number(values.rounds), Number(values.scale)];
  const chosen = scenarios.filter(({ name }) => values.only?.includes(name) ?? true);
  const known = scenarios.map(({ name }) => name);
  const unknown = values.only?.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new RangeError(`--only: expected ${known.join(', ')}, got ${unknown}`);
  if (!(Number.isInteger(rounds) && rounds > 0)) throw new RangeError('--rounds: expected a whole number');
  if (!(scale > 0 && scale <= 1)) throw new RangeError('--scale: expected a number above 0, at most 1');
  if (process.getuid?.() !== 0)
    throw new Error('root is needed: what is measured is started as another user');

  const place = mkdtempSync(join(tmpdir(), 'saddlebag-bench-'));
  chmodSync(place, 0o755);
  const sections: Section[] = [];
  try {
    await openFuse(place);
    const machine = await describeMachine(place);
    const payloads = payloadsIn(place, scale);
    const bench = {
      place,
      rounds,
      has: (name: PayloadName) => values.payload.includes(name),
      largeTar: !values['no-large-tar'],
      payloads,
      peers: once(async () => makePeers(place, await payloads.flask())),
    };
    for (const scenario of chosen) {
      const section = await measure(scenario, bench);
      if (interrupted) throw new Error('interrupted');
      sections.push(section);
      if (section.failure !== undefined) process.exitCode = 1;
      if (!values.json) process.stdout.write(show(section));
      if (scale === 1) keep(section);
    }
    if (values.json) process.stdout.write(`${JSON.stringify({ machine, sections })}\n`);
    if (scale === 1 && (values.only === undefined || values.write)) {
      const last = readLast();
      const missing = scenarios
        .map(({ name }) => name)
        .filter((name) => !last.some((each) => each.name === name));
      writePage({ machine, sections: last, missing });
    }
  } finally {
    process.stderr.write('removing what was unpacked …\n');
    rmSync(place, { recursive: true, force: true });
  }
}

// ^C ends what is being measured as well; the run goes no further, and removes what it made.
let interrupted = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  // Stays: execa's own handler would end the process where it is alone.
  process.on(signal, () => {
    interrupted = true;
  });
}

const ended = runWithOwnMounts();
if (ended === undefined) {
  await main().catch((cause: unknown) => {
    process.stderr.write(`bench: ${cause instanceof Error ? cause.message : String(cause)}\n`);
    process.exitCode = 1;
  });
} else process.exitCode = ended;
