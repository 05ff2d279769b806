import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { describeCause, describeJsonFailure, exitCodes, SaddlebagError } from '../../src/core/errors.ts';
import { parseHcl } from '../../src/core/hcl/parse.ts';
import { attributeOf, blocksOf, findVariables } from '../../src/core/hcl/query.ts';
import { quoteText } from '../../src/core/hcl/string.ts';
import type { DeployArtifact } from '../artifact/artifact.ts';
import { type JobFile, whereIs } from './job-file.ts';

/** The variables by which a job file takes its artifact. */
const artifactVariables = ['artifact_source', 'artifact_checksum'] as const;

/** Values of HCL variables by name, each as an HCL expression. */
export type Variables = ReadonlyMap<string, string>;

/** A variable that a job file declares. */
export interface DeclaredVariable {
  readonly name: string;
  /** Its type as written; null where none is, which Nomad takes for text. */
  readonly type: string | null;
  readonly hasDefault: boolean;
}

/** Where values come from, the later before the earlier: environment, files, flags. */
export interface VariableSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Files of `--var-file`. */
  readonly files: readonly string[];
  /** `NAME=VALUE` of `--var`. */
  readonly flags: readonly string[];
}

/** Lists the variables that a job file declares. */
function declaredVariables(file: JobFile): DeclaredVariable[] {
  if (file.format === 'api-json') return [];
  if (file.format === 'hcl-json') return jsonVariables(file.value.variable);
  return blocksOf(file.document.body, 'variable').map((block) => {
    const type = attributeOf(block.body, 'type')?.value;
    return {
      name: block.labels[0]?.value ?? '',
      type: type === undefined ? null : file.text.slice(type.start, type.end),
      hasDefault: attributeOf(block.body, 'default') !== undefined,
    };
  });
}

/** In JSON, several blocks are a list of objects or the keys of one. */
function jsonVariables(value: unknown): DeclaredVariable[] {
  const records = Array.isArray(value) ? value : [value ?? {}];
  return records.flatMap((record: Readonly<Record<string, unknown>>) =>
    Object.entries(record).map(([name, body]) => {
      const { type, default: preset } = Object(body) as {
        readonly type?: unknown;
        readonly default?: unknown;
      };
      const text = typeof type === 'string' ? type.replace(/^\$\{(.*)\}$/, '$1') : null;
      return { name, type: text, hasDefault: preset !== undefined };
    }),
  );
}

/**
 * Gathers the values of a file's variables as `nomad job run` would: NAME from NOMAD_VAR_NAME, then the files, then the
 * flags; a value that was not written in a file is text unless its variable has another type.
 * @throws {SaddlebagError} `job-variable-invalid`
 */
export async function gatherVariables(file: JobFile, sources: VariableSources): Promise<Map<string, string>> {
  const declared = declaredVariables(file);
  const values = new Map<string, string>();
  for (const variable of declared) {
    const value = sources.env[`NOMAD_VAR_${variable.name}`];
    if (value !== undefined)
      values.set(variable.name, expressionOf(variable, value, `NOMAD_VAR_${variable.name}`));
  }
  for (const name of sources.files) {
    for (const [key, value] of await readVariableFile(name, sources.cwd)) values.set(key, value);
  }
  for (const flag of sources.flags) {
    const { name, value } = parseFlag(flag);
    const variable = declared.find((one) => one.name === name);
    if (variable === undefined) throw undeclared(file, name, declared);
    values.set(name, expressionOf(variable, value, `--var ${name}`));
  }
  return values;
}

/** Returns the values by which a file with the artifact's variables takes it. */
export function artifactValues(file: JobFile, { source }: DeployArtifact): Map<string, string> {
  const names = declaredVariables(file).map(({ name }) => name);
  const query = (text: string) => `${source.url}${source.url.includes('?') ? '&' : '?'}${text}`;
  if (names.includes('artifact_checksum')) {
    return new Map([
      ['artifact_source', quoteText(query('archive=false'))],
      ['artifact_checksum', quoteText(source.checksum)],
    ]);
  }
  return new Map([['artifact_source', quoteText(query(`archive=false&checksum=${source.checksum}`))]]);
}

/** Tells whether a file takes its artifact by variables. */
export function takesArtifact(file: JobFile): boolean {
  return declaredVariables(file).some(({ name }) => name === artifactVariables[0]);
}

/**
 * Refuses a file that uses a variable which has no value: the server would only tell of the first.
 * @throws {SaddlebagError} `job-variable-invalid`
 */
export function checkVariables(file: JobFile, values: Variables): void {
  if (file.format !== 'hcl') return;
  const used = new Set(findVariables(file.document));
  const missing = declaredVariables(file)
    .filter(({ name, hasDefault }) => !hasDefault && used.has(name) && !values.has(name))
    .map(({ name }) => name);
  const [first] = missing;
  if (first === undefined) return;
  throw invalid(
    `cannot deploy ${file.name}: no value for ${missing.map((name) => `variable "${name}"`).join(', ')}`,
    `pass --var ${first}=…, --var-file FILE, or set NOMAD_VAR_${first}`,
  );
}

/** Writes values as a file of variables, which is what the server takes; the empty text for none. */
export function renderVariables(values: Variables): string {
  return [...values].map(([name, value]) => `${name} = ${value}\n`).join('');
}

/**
 * Nomad takes what is given for text, a number or no type at all as text, and the rest as an expression. `origin` is for
 * messages; the value, which may be a secret, is not shown.
 */
function expressionOf({ type }: DeclaredVariable, value: string, origin: string): string {
  if (type === null || /^"?(?:string|number)"?$/.test(type)) return quoteText(value);
  const { body, problems } = parseHcl(`value = ${value.trim()}\n`);
  const isOne = problems.length === 0 && body.items.length === 1;
  if (isOne) return value.trim();
  const reason = problems[0]?.reason ?? 'more than one value';
  throw invalid(
    `cannot use ${origin}: it is to be ${type}: ${reason}`,
    'write it as in a file: ["a", "b"], { a = 1 }, true',
  );
}

function parseFlag(flag: string): { readonly name: string; readonly value: string } {
  const at = flag.indexOf('=');
  if (at > 0) return { name: flag.slice(0, at).trim(), value: flag.slice(at + 1) };
  throw invalid(`cannot use --var ${flag}: expected NAME=VALUE`, 'for example --var image_tag=1.2');
}

async function readVariableFile(name: string, cwd: string): Promise<Map<string, string>> {
  const text = await readFile(resolve(cwd, name), 'utf8').catch((cause: unknown) => {
    throw invalid(
      `cannot read variables from ${name}: ${describeCause(cause)}`,
      'give it as --var-file FILE',
    );
  });
  if (text.trimStart().startsWith('{')) return parseJsonVariables(name, text);
  const { body, problems } = parseHcl(text);
  const [problem] = problems;
  const block = body.items.find(({ kind }) => kind === 'block');
  if (problem !== undefined || block !== undefined) {
    const at = problem?.at ?? block?.at;
    const reason = problem?.reason ?? 'a block, where only NAME = VALUE may stand';
    throw invalid(`cannot read variables from ${whereIs(name, at)}: ${reason}`, 'one NAME = VALUE a line');
  }
  const attributes = body.items.filter((item) => item.kind === 'attribute');
  return new Map(attributes.map((item) => [item.name, text.slice(item.value.start, item.value.end)]));
}

function parseJsonVariables(name: string, text: string): Map<string, string> {
  try {
    const record = JSON.parse(text) as Readonly<Record<string, unknown>>;
    return new Map(Object.entries(record).map(([key, value]) => [key, toHcl(value)]));
  } catch (cause) {
    const reason = describeJsonFailure(cause);
    throw invalid(`cannot read variables from ${name}: it begins with { and is not JSON: ${reason}`);
  }
}

function toHcl(value: unknown): string {
  if (typeof value === 'string') return quoteText(value);
  if (Array.isArray(value)) return `[${value.map(toHcl).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  return `{ ${Object.entries(value)
    .map(([key, inner]) => `${quoteText(key)} = ${toHcl(inner)}`)
    .join(', ')} }`;
}

function undeclared(file: JobFile, name: string, declared: readonly DeclaredVariable[]): SaddlebagError {
  const names = declared.map((one) => one.name);
  const known = names.length === 0 ? 'it declares none' : `it declares ${names.join(', ')}`;
  return invalid(
    `cannot use --var ${name}: ${file.name} has no such variable; ${known}`,
    `declare it: variable "${name}" {}`,
  );
}

function invalid(message: string, hint?: string): SaddlebagError {
  return new SaddlebagError('job-variable-invalid', message, {
    ...(hint === undefined ? {} : { hint }),
    exitCode: exitCodes.usage,
  });
}
