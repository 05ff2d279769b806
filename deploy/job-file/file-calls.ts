import { readFile, realpath } from 'node:fs/promises';
import { isAbsolute, relative, resolve } from 'node:path';
import { describeCause, exitCodes, SaddlebagError } from '../../src/core/errors.ts';
import { findCalls, type HclCall } from '../../src/core/hcl/query.ts';
import { decodeText, quoteText } from '../../src/core/hcl/string.ts';
import type { HclDocument } from '../../src/core/hcl/syntax.ts';
import { applyEdits } from './edit.ts';
import { whereIs } from './job-file.ts';

/**
 * The functions that look at the files of whoever runs `nomad`, which a server refuses to run.
 * Source: Nomad, jobspec2/functions.go.
 */
const fileFunctions: ReadonlySet<string> = new Set([
  'abspath',
  'basename',
  'dirname',
  'file',
  'filebase64',
  'fileexists',
  'fileset',
  'pathexpand',
]);

/** A larger file is no part of a job: the server keeps at most a megabyte of a job's source. */
const maxBytes = 1 << 20;

/** Tells whether a job file calls functions that only the machine that has its files can run. */
export function readsFiles(document: HclDocument): boolean {
  return findCalls(document, fileFunctions).length > 0;
}

/**
 * Puts the content of files in place of `file("…")` and `filebase64("…")`, read from `cwd` as `nomad job run` does. Only
 * files below it, named by a plain string.
 * @throws {SaddlebagError} `job-file-function` with line and column, for any other call
 */
export async function putFilesIn(name: string, document: HclDocument, cwd: string): Promise<string> {
  const edits = [];
  for (const call of findCalls(document, fileFunctions)) {
    const path = literalPath(call);
    if (path === undefined || !isReader(call))
      throw refusal(name, call, 'only a server that had your files could run it');
    const content = await readBelow(cwd, path).catch((cause: unknown) => {
      throw refusal(name, call, cause instanceof Outside ? cause.message : describeCause(cause), cause);
    });
    edits.push({ start: call.start, end: call.end, text: asText(name, call, content) });
  }
  return applyEdits(document.text, edits);
}

function isReader({ name }: HclCall): boolean {
  return name === 'file' || name === 'filebase64';
}

/** Returns the path of a call whose only argument is a string without interpolation. */
function literalPath({ argumentTokens }: HclCall): string | undefined {
  const [open, text, close, ...more] = argumentTokens;
  const isString = open?.kind === 'open-text' && text?.kind === 'text' && close?.kind === 'close-text';
  return isString && open.text === '"' && more.length === 0 ? decodeText(text.text) : undefined;
}

class Outside extends Error {}

async function readBelow(cwd: string, path: string): Promise<Buffer> {
  const root = await realpath(cwd);
  const file = await realpath(resolve(root, path));
  const below = relative(root, file);
  if (isAbsolute(path) || below.startsWith('..'))
    throw new Outside(`${path} is outside the current directory`);
  const content = await readFile(file);
  if (content.length > maxBytes) throw new Outside(`${path} is larger than ${maxBytes >> 20} MiB`);
  return content;
}

function asText(name: string, call: HclCall, content: Buffer): string {
  if (call.name === 'filebase64') return quoteText(content.toString('base64'));
  const text = content.toString('utf8');
  if (!Buffer.from(text).equals(content)) throw refusal(name, call, 'the file is not UTF-8');
  return quoteText(text);
}

function refusal(name: string, call: HclCall, reason: string, cause?: unknown): SaddlebagError {
  return new SaddlebagError(
    'job-file-function',
    `cannot read ${whereIs(name, call.at)}: ${call.name}() reads files, which no server does: ${reason}`,
    {
      hint: 'with the `nomad` program on PATH it is run as `nomad job run` runs it',
      cause,
      exitCode: exitCodes.usage,
    },
  );
}
