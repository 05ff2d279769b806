import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { describeCause, describeJsonFailure, exitCodes, SaddlebagError } from '../../src/core/errors.ts';
import { parseHcl } from '../../src/core/hcl/parse.ts';
import type { HclDocument, HclPosition } from '../../src/core/hcl/syntax.ts';

/** A job file of the user's, as it was read. */
export type JobFile = {
  /** As the user named it: for messages. */
  readonly name: string;
  readonly text: string;
} & (
  | { readonly format: 'hcl'; readonly document: HclDocument }
  /** HCL in its JSON form, `{"job": {"web": {…}}}`. */
  | { readonly format: 'hcl-json'; readonly value: Readonly<Record<string, unknown>> }
  /** What Nomad's API takes and `nomad job inspect` prints, `{"Job": {"ID": …}}` or the job alone. */
  | { readonly format: 'api-json'; readonly value: Readonly<Record<string, unknown>> }
);

/** No job file is larger: Nomad itself keeps at most a megabyte of a job's source. */
const maxBytes = 16 << 20;

/**
 * Reads a job file: HCL, or either form of JSON.
 * @throws {SaddlebagError} `job-file-unreadable`, and what `parseJobFile` throws
 */
export async function readJobFile(name: string, cwd: string): Promise<JobFile> {
  const content = await readFile(resolve(cwd, name)).catch((cause: unknown) => {
    throw unreadable(name, describeCause(cause), cause);
  });
  if (content.length > maxBytes) throw unreadable(name, `it is larger than ${maxBytes >> 20} MiB`);
  return parseJobFile(name, decodeUtf8(name, content));
}

/**
 * Tells which kind of job file a text is, and that its structure is whole.
 * @throws {SaddlebagError} `job-file-invalid` with line and column
 */
export function parseJobFile(name: string, text: string): JobFile {
  if (text.trim() === '') throw jobFileInvalid(name, 'it is empty');
  if (text.trimStart().startsWith('{')) return parseJsonFile(name, text);
  const document = parseHcl(text);
  const [first, ...more] = document.problems;
  if (first === undefined) return { name, text, format: 'hcl', document };
  if (/\[\[(?:-? +[$./a-z]|\.)/.test(text.split('\n')[first.at.line - 1] ?? ''))
    throw isTemplate(name, first.at);
  const rest = more.length === 0 ? '' : ` (and ${more.length} more)`;
  throw jobFileInvalid(name, `${first.reason}${rest}`, first.at);
}

function isTemplate(name: string, at: HclPosition): SaddlebagError {
  return new SaddlebagError(
    'job-file-invalid',
    `cannot read ${whereIs(name, at)}: it is a template, and no job file yet`,
    {
      hint: 'give what it renders to: levant render -out=FILE …, or nomad-pack render; or write [[ .name ]] as var.name',
      exitCode: exitCodes.usage,
    },
  );
}

function parseJsonFile(name: string, text: string): JobFile {
  const value = parseJson(name, text);
  if ('job' in value) {
    refuseCorrupted(name, text);
    return { name, text, format: 'hcl-json', value };
  }
  if ('Job' in value || ('ID' in value && 'TaskGroups' in value)) {
    return { name, text, format: 'api-json', value };
  }
  throw jobFileInvalid(name, 'its JSON holds neither "Job" (as `nomad job inspect` prints) nor "job"');
}

/** What a client fills in; the rest is the parser's, and comes out right. */
const runtimeReference = /(?<!\$)\$\{(?:NOMAD_|attr\.|node\.|meta\.|env\[|device\.|secret\.)/;

/**
 * Refuses strings that Nomad silently changes: in JSON it counts past escapes, and `\\n${NOMAD_ALLOC_ID}` becomes
 * `\\n${{NOMAD_ALLOC_I}` (measured on 2.0.5).
 */
function refuseCorrupted(name: string, text: string): void {
  for (const { 0: string, index } of text.matchAll(/"(?:[^"\\]|\\.)*"/gs)) {
    const at = string.search(runtimeReference);
    if (at < 0 || !string.slice(0, at).includes('\\')) continue;
    const line = text.slice(0, index).split('\n').length;
    throw new SaddlebagError(
      'job-file-unsupported',
      `cannot read ${name}:${line}: Nomad corrupts what stands behind an escape and before \${…} in JSON`,
      {
        hint: 'write $${…} for what the client is to fill in, or write the file as HCL',
        exitCode: exitCodes.usage,
      },
    );
  }
}

function parseJson(name: string, text: string): Readonly<Record<string, unknown>> {
  try {
    // What begins with a brace and is JSON is an object.
    return JSON.parse(text) as Readonly<Record<string, unknown>>;
  } catch (cause) {
    throw jobFileInvalid(name, `it begins with { and is not JSON: ${describeJsonFailure(cause)}`);
  }
}

function decodeUtf8(name: string, content: Uint8Array): string {
  try {
    // The byte order mark stays in the text, so that the file that goes out begins as it did.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content);
  } catch (cause) {
    throw unreadable(name, 'it is not UTF-8', cause);
  }
}

/** Makes the error for a job file that cannot be read as one; `at` is where. */
export function jobFileInvalid(name: string, reason: string, at?: HclPosition): SaddlebagError {
  return new SaddlebagError('job-file-invalid', `cannot read ${whereIs(name, at)}: ${reason}`, {
    hint: at === undefined ? giveJobFile : '`nomad fmt` shows how Nomad reads it',
    exitCode: exitCodes.usage,
  });
}

/** Makes the error for a file that Nomad refuses; its reasons may begin with a place in what it calls `called`. */
export function jobFileRefused(name: string, reasons: string, called: string): SaddlebagError {
  const renamed = reasons.replaceAll(`${called}:`, `${name}:`);
  const message = renamed.startsWith(`${name}:`) ? renamed : `${name}: ${renamed}`;
  return new SaddlebagError('job-file-invalid', `cannot read ${message}`, {
    hint: 'lines are those of what --dry-run prints',
    exitCode: exitCodes.usage,
  });
}

/** Makes the error for a job file that says something that cannot be set from outside; `at` is where. */
export function jobFileUnsupported(
  name: string,
  reason: string,
  { at, hint = useVariables }: { readonly at?: HclPosition | undefined; readonly hint?: string } = {},
): SaddlebagError {
  return new SaddlebagError(
    'job-file-unsupported',
    `cannot set the artifact in ${whereIs(name, at)}: ${reason}`,
    { hint, exitCode: exitCodes.usage },
  );
}

/** Returns `file:line:column`, as editors jump to. */
export function whereIs(name: string, at: HclPosition | undefined): string {
  return at === undefined ? name : `${name}:${at.line}:${at.column}`;
}

const giveJobFile = 'give the file that you would give to `nomad job run`';
const useVariables =
  'declare variable "artifact_source" {} and variable "artifact_checksum" {}, and use them where they belong';

function unreadable(name: string, reason: string, cause?: unknown): SaddlebagError {
  return new SaddlebagError('job-file-unreadable', `cannot read job file ${name}: ${reason}`, {
    hint: giveJobFile,
    cause,
    exitCode: exitCodes.usage,
  });
}
