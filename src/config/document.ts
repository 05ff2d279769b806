import { parseHcl } from '../core/hcl/parse.ts';
import type { HclAttribute, HclBlock, HclBody, HclExpression } from '../core/hcl/syntax.ts';
import { loadHclReader, type ReadHcl } from '../core/hcl/values.ts';
import { literalProblem } from './literal.ts';
import type { ConfigProblem } from './problems.ts';
import type { BodySetting, Origin, Scalar, Setting } from './setting.ts';

/** What a file says, with where each part stands. */
export interface ConfigDocument {
  /** Null stands for values that cannot be. */
  readonly settings: BodySetting;
  /** False where braces and quotes do not even fit; then `settings` is empty. */
  readonly isWhole: boolean;
  readonly problems: readonly ConfigProblem[];
}

/**
 * Reads the text of a saddlebag.hcl: values by HashiCorp's own parser, places by our scanner. What would have to be
 * evaluated, and what stands there twice, is a problem. Says nothing of which keys there are.
 */
export async function parseDocument(text: string): Promise<ConfigDocument> {
  const { body, problems } = parseHcl(text);
  if (problems.length > 0) {
    const told = problems.map(({ at, reason }) => ({ line: at.line, message: reason }));
    return {
      settings: { kind: 'body', fields: new Map(), from: inFile(1, []) },
      isWhole: false,
      problems: told,
    };
  }
  const parse = await loadHclReader();
  const values = parse(text);
  const reader = new DocumentReader(text);
  const settings = reader.readBody(body, values, []);
  if (values === null && reader.problems.length === 0) reader.problems.push(refusal(body, text, parse));
  return { settings, isWhole: true, problems: reader.problems };
}

function inFile(line: number, path: readonly string[]): Origin {
  return { kind: 'file', line, path };
}

/** The parser says only that it refuses the whole: halved and halved again, what it refuses is where. */
function refusal(body: HclBody, text: string, parse: ReadHcl): ConfigProblem {
  const isRefused = (items: HclBody['items']): boolean => {
    const [first, last] = [items[0], items.at(-1)];
    return (
      first !== undefined && last !== undefined && parse(`${text.slice(first.start, last.end)}\n`) === null
    );
  };
  let { items } = body;
  while (items.length > 1) {
    const half = items.slice(0, items.length >> 1);
    items = isRefused(half) ? half : items.slice(half.length);
  }
  const [refused] = isRefused(items) ? items : [];
  if (refused?.kind === 'block' && refused.body.items.length > 0) return refusal(refused.body, text, parse);
  return { line: refused?.at.line ?? body.at.line, message: 'HCL does not take this' };
}

class DocumentReader {
  readonly problems: ConfigProblem[] = [];
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  readBody(body: HclBody, values: unknown, path: readonly string[]): BodySetting {
    const fields = new Map<string, Setting>();
    const seen = new Map<string, number>();
    for (const item of body.items) {
      if (item.kind === 'attribute') this.#readAttribute(item, { fields, values, path });
      else this.#readBlock(item, { fields, values, path, seen });
    }
    return { kind: 'body', fields, from: inFile(body.at.line, path) };
  }

  #readAttribute(
    { name, value, at }: HclAttribute,
    { fields, values, path }: { fields: Map<string, Setting>; values: unknown; path: readonly string[] },
  ): void {
    const place = [...path, name];
    if (fields.has(name)) this.#problem(at.line, place, 'it is there already');
    else fields.set(name, this.#readValue(value, childOf(values, name), place));
  }

  #readBlock(
    block: HclBlock,
    into: {
      readonly fields: Map<string, Setting>;
      readonly values: unknown;
      readonly path: readonly string[];
      /** How many blocks there were of each type and label. */
      readonly seen: Map<string, number>;
    },
  ): void {
    const { fields, values, path, seen } = into;
    const labels = block.labels.map(({ value }) => value);
    const place = [...path, block.type, ...labels];
    const [label, ...surplus] = labels;
    if (surplus.length > 0) {
      this.#problem(block.at.line, place, 'a block has one label at most');
      return;
    }
    const key = JSON.stringify([block.type, ...labels]);
    const index = seen.get(key) ?? 0;
    seen.set(key, index + 1);
    const ofType = childOf(values, block.type);
    const body = this.readBody(
      block.body,
      childOf(label === undefined ? ofType : childOf(ofType, label), index),
      place,
    );
    const joined = joinBlock(fields.get(block.type), body, { label, index });
    if (joined === undefined) this.#problem(block.at.line, place, refusedJoin(fields.get(block.type), label));
    else fields.set(block.type, joined);
  }

  #readValue(expression: HclExpression, value: unknown, path: readonly string[]): Setting {
    const from = inFile(expression.at.line, path);
    const problem = literalProblem(expression, this.#text);
    if (problem !== undefined) this.#problem(expression.at.line, path, problem);
    if (expression.kind === 'list') {
      const items = expression.items.map((item, index) =>
        this.#readValue(item, childOf(value, index), [...path, String(index)]),
      );
      return { kind: 'list', items, from };
    }
    if (expression.kind === 'object') return this.#readObject(expression.items, value, { path, from });
    if (isScalar(value)) return { kind: 'value', value, from };
    return { kind: 'value', value: expression.kind === 'literal' ? expression.value : null, from };
  }

  #readObject(
    items: Extract<HclExpression, { readonly kind: 'object' }>['items'],
    value: unknown,
    { path, from }: { readonly path: readonly string[]; readonly from: Origin },
  ): BodySetting {
    const fields = new Map<string, Setting>();
    for (const item of items) {
      const { line } = item.at;
      if (item.key === null) this.#problem(line, path, 'a key is a name or stands in quotes');
      else if (fields.has(item.key)) this.#problem(line, [...path, item.key], 'it is there already');
      else fields.set(item.key, this.#readValue(item.value, childOf(value, item.key), [...path, item.key]));
    }
    return { kind: 'body', fields, from };
  }

  #problem(line: number, path: readonly string[], problem: string): void {
    this.problems.push({ line, message: `${path.join('.')}: ${problem}` });
  }
}

/**
 * Puts a block beside those of its type that were there: by label, or as one more of a list. Undefined where an
 * attribute has its name, or another block its label.
 */
function joinBlock(
  there: Setting | undefined,
  body: BodySetting,
  { label, index }: { readonly label: string | undefined; readonly index: number },
): Setting | undefined {
  const isLabels = there?.kind === 'body' && there.isLabels === true;
  if (label !== undefined) {
    if (index > 0 || (there !== undefined && !isLabels)) return undefined;
    const others = isLabels ? there.fields : [];
    return {
      kind: 'body',
      isLabels: true,
      fields: new Map([...others, [label, body]]),
      from: there?.from ?? body.from,
    };
  }
  if (there === undefined) return body;
  if (index === 0) return undefined;
  const items = there.kind === 'list' ? there.items : [there];
  return { kind: 'list', items: [...items, body], from: there.from };
}

function refusedJoin(there: Setting | undefined, label: string | undefined): string {
  const isLabels = there?.kind === 'body' && there.isLabels === true;
  if (there?.kind !== 'body' || isLabels === (label !== undefined)) return 'it is there already';
  return isLabels ? 'it needs a name, as the others have' : 'it has a name, and another has none';
}

function childOf(value: unknown, key: string | number): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Readonly<Record<string | number, unknown>>)[key];
}

function isScalar(value: unknown): value is Scalar {
  return value === null || ['string', 'number', 'boolean'].includes(typeof value);
}
