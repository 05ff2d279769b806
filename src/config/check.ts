import { nearest } from '../core/nearest.ts';
import type { ConfigProblem } from './problems.ts';
import type { BlockSchema, KeySchema } from './schema.ts';
import { type BodySetting, lineOf, type Setting, toData } from './setting.ts';

/**
 * Compares what a file says with what it may say: unknown keys and blocks, values of another kind, labels, what is
 * missing. Returns every problem.
 */
export function checkSettings(settings: BodySetting, schema: BlockSchema): readonly ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  checkBody(settings, schema, { path: [], problems });
  return problems;
}

interface Place {
  readonly path: readonly string[];
  readonly problems: ConfigProblem[];
}

function checkBody(body: BodySetting, schema: BlockSchema, place: Place): void {
  for (const [name, setting] of body.fields) {
    const below = { ...place, path: [...place.path, name] };
    const key = schema.keys[name];
    const block = schema.blocks[name];
    if (Object.hasOwn(schema.keys, name) && key !== undefined) checkKey(setting, key, below);
    else if (Object.hasOwn(schema.blocks, name) && block !== undefined) checkBlock(setting, block, below);
    else if (schema.isJob !== true) report(below, setting, unknown(name, schema));
  }
  for (const [name, { required }] of Object.entries(schema.keys)) {
    if (required === true && !body.fields.has(name)) {
      report({ ...place, path: [...place.path, name] }, body, 'it is missing');
    }
  }
}

function unknown(name: string, { keys, blocks }: BlockSchema): string {
  const known = [...Object.keys(keys), ...Object.keys(blocks)];
  const near = nearest(name, known);
  return near === undefined
    ? `there is no such key: expected ${known.join(', ')}`
    : `there is no such key: did you mean ${near}?`;
}

function checkBlock(setting: Setting, schema: BlockSchema, place: Place): void {
  const type = place.path.at(-1) ?? '';
  if (setting.kind === 'list' && setting.items.every(({ kind }) => kind === 'body')) {
    for (const extra of setting.items.slice(schema.label === undefined ? 1 : 0)) {
      report(place, extra, schema.label === undefined ? 'it is there already' : needsLabel(type));
    }
  } else if (setting.kind !== 'body') {
    report(place, setting, `expected a block ${type} { … }, got ${show(setting)}`);
  } else if (schema.label === undefined) {
    if (setting.isLabels === true) report(place, setting, 'this block has no label');
    else checkBody(setting, schema, place);
  } else if (setting.isLabels !== true) {
    report(place, setting, needsLabel(type));
  } else {
    for (const [label, body] of setting.fields) checkLabelled(label, body, schema, place);
  }
}

/** Labels become names of jobs, groups and directories, and words on a command line. */
const labelPattern = /^[0-9A-Za-z][0-9A-Za-z._-]{0,99}$/;

function checkLabelled(label: string, body: Setting, schema: BlockSchema, place: Place): void {
  const below = { ...place, path: [...place.path, label] };
  if (!labelPattern.test(label)) report(below, body, 'expected letters, digits and any of . _ - as its name');
  if (body.kind === 'body') checkBody(body, schema, below);
}

function needsLabel(type: string): string {
  return `it needs a name: ${type} "name" { … }`;
}

function checkKey(setting: Setting, schema: KeySchema, place: Place): void {
  const { choices } = schema;
  if (!fits(setting, schema)) {
    report(place, setting, `expected ${expectation(schema)}, got ${show(setting)}`);
  } else if (choices !== undefined && setting.kind === 'value' && !choices.includes(String(setting.value))) {
    report(place, setting, `expected ${expectation(schema)}, got ${show(setting)}`);
  }
}

function fits(setting: Setting, { kind }: KeySchema): boolean {
  if (setting.kind === 'value') {
    if (setting.value === null) return true;
    if (kind === 'flag') return typeof setting.value === 'boolean';
    if (kind === 'number') return typeof setting.value === 'number' && Number.isInteger(setting.value);
    return kind === 'text' && typeof setting.value === 'string' && setting.value !== '';
  }
  if (setting.kind === 'list') {
    return (
      kind === 'texts' &&
      setting.items.every((item) => item.kind === 'value' && typeof item.value === 'string')
    );
  }
  return kind === 'map' && setting.isLabels !== true && [...setting.fields.values()].every(isPlain);
}

function isPlain(setting: Setting): boolean {
  return setting.kind === 'value' && setting.value !== null;
}

function expectation({ kind, choices }: KeySchema): string {
  if (choices !== undefined) return choices.map((choice) => `"${choice}"`).join(' or ');
  if (kind === 'text') return 'text in quotes';
  if (kind === 'number') return 'a whole number';
  if (kind === 'flag') return 'true or false';
  return kind === 'texts' ? 'a list of texts: ["…"]' : 'texts by name: { NAME = "…" }';
}

function show(setting: Setting): string {
  if (setting.kind === 'body') return 'a block';
  const text = JSON.stringify(toData(setting));
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

function report({ path, problems }: Place, setting: Setting, problem: string): void {
  problems.push({ line: lineOf(setting), message: `${path.join('.')}: ${problem}` });
}
