import { appendFile } from 'node:fs/promises';
import { SaddlebagError } from '../core/errors.ts';
import { printable } from '../core/printable.ts';
import type { ReportEvent, Reporter } from '../core/reporter.ts';
import { withoutCommands } from './workflow-commands.ts';

/**
 * Reports in a job of GitHub Actions: the lines of `inner` in a group that can be folded, warnings also as annotations.
 * Source: GitHub, "Workflow commands for GitHub Actions".
 */
export function createGithubReporter(
  stream: NodeJS.WritableStream,
  inner: Reporter,
  title: string,
): Reporter & { readonly close: () => void } {
  let isOpen = false;
  return {
    report(event) {
      if (!isOpen) stream.write(`::group::${escapeData(title)}\n`);
      isOpen = true;
      inner.report(harmless(event));
      if (event.kind === 'warning') {
        const hint = event.hint === undefined ? '' : `\nhint: ${event.hint}`;
        stream.write(`::warning title=${escapeProperty(event.code)}::${escapeData(event.message + hint)}\n`);
      }
    },
    close: () => {
      if (isOpen) stream.write('::endgroup::\n');
      isOpen = false;
    },
  };
}

/** The runner reads these lines too. */
function harmless(event: ReportEvent): ReportEvent {
  return 'message' in event ? { ...event, message: withoutCommands(event.message) } : event;
}

/** Renders a failure as the annotation that GitHub shows beside the job. */
export function renderAnnotation(cause: unknown): string {
  const known = cause instanceof SaddlebagError;
  const hint = known && cause.hint !== undefined ? `\nhint: ${cause.hint}` : '';
  const message = known ? cause.message : String(cause);
  return `::error title=${escapeProperty(known ? cause.code : 'bug')}::${escapeData(message + hint)}\n`;
}

/** Renders a failure for the page of the job, as Markdown. */
export function renderFailureSummary(cause: unknown): string {
  if (!(cause instanceof SaddlebagError)) return `### saddlebag: a bug\n\n${quote(String(cause))}\n`;
  const hint = cause.hint === undefined ? '' : `\n${quote(`hint: ${cause.hint}`)}`;
  return `### saddlebag: ${cause.code}\n\n${quote(cause.message)}\n${hint}`;
}

/** Adds to the page of the job; a page that cannot be written changes nothing. */
export async function appendSummary(file: string | undefined, markdown: string): Promise<void> {
  if (file === undefined || file === '') return;
  await appendFile(file, `${markdown.trimEnd()}\n\n`).catch(() => undefined);
}

/** As a block of code: what came from a server or an app is no Markdown. */
function quote(text: string): string {
  return text
    .split('\n')
    .map((line) => `    ${printable(line)}\n`)
    .join('');
}

function escapeData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
