import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { formatBytes } from '../../../src/core/units.ts';

/** How one program did. */
export interface ProgramResult {
  readonly name: string;
  readonly packages: string;
  readonly does: string;
  /** Of the largest bundle of the job. */
  readonly sizeBytes: number;
  readonly contentBytes: number;
  /** Name of each place → `same`, or what went wrong. */
  readonly places: Readonly<Record<string, string>>;
}

const jsonFile = fileURLToPath(
  new URL('../../../node_modules/.cache/saddlebag/programs.json', import.meta.url),
);
const pageFile = fileURLToPath(new URL('../../../docs/programs.md', import.meta.url));

/**
 * Writes the results of a run as JSON, and as `docs/programs.md` where it was complete and `SADDLEBAG_WRITE_DOCS` asks
 * for it.
 */
export async function writeResults(
  results: readonly ProgramResult[],
  { complete }: { readonly complete: boolean },
): Promise<void> {
  await writeFile(jsonFile, `${JSON.stringify(results, null, 2)}\n`);
  if (complete && process.env.SADDLEBAG_WRITE_DOCS === '1') {
    await writeFile(pageFile, renderPage(results, new Date()));
  }
}

function renderPage(results: readonly ProgramResult[], date: Date): string {
  const places = Object.keys(results[0]?.places ?? {});
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`;
  const head = ['program', 'Debian package', 'job', 'bundle', 'unpacked', ...places];
  const rows = results.map((result) =>
    row([
      result.name,
      `\`${result.packages}\``,
      result.does,
      formatBytes(result.sizeBytes),
      formatBytes(result.contentBytes),
      ...places.map((place) => (result.places[place] === 'same' ? 'same' : '**differs**')),
    ]),
  );
  return `# Programs that no one here wrote

Each was bundled on Debian 12 from its package and started as an unprivileged user: on a root directory with nothing in it,
on Debian 11 (debootstrap, minbase), and on the host itself. _Same_: the job gave the output that the program gives natively.
Sizes are those of the largest bundle of the job, made with \`--compress fast\`.

\`SADDLEBAG_INSTALL_PACKAGES=1\` installs the packages first; what is missing otherwise is skipped.

Made on ${date.toISOString().slice(0, 10)} by \`SADDLEBAG_WRITE_DOCS=1 npm run test:full -- test/e2e/programs.full.test.ts\`.

${row(head)}${row(head.map(() => '---'))}${rows.join('')}`;
}
