/** Where a value in force came from. */
export type Origin =
  /** `path` is that of the setting in the file: `app.web.deploy.memory`. */
  | { readonly kind: 'file'; readonly line: number; readonly path: readonly string[] }
  | { readonly kind: 'environment'; readonly variable: string }
  | { readonly kind: 'flag'; readonly flag: string }
  | { readonly kind: 'default' };

/** A value that needs no evaluation. */
export type Scalar = string | number | boolean | null;

/** A setting with where it came from: a value, a list, or what stands between braces (a block, or a map by `=`). */
export type Setting = { readonly from: Origin } & (
  | { readonly kind: 'value'; readonly value: Scalar }
  | { readonly kind: 'list'; readonly items: readonly Setting[] }
  | Body
);

/** What stands between braces: settings by name, and labelled blocks by label one level below their type's name. */
export interface Body {
  readonly kind: 'body';
  readonly fields: ReadonlyMap<string, Setting>;
  /** True where the names are labels: the bodies of `port "http" { … }` and its like. */
  readonly isLabels?: true;
}

/** A body with where it came from. */
export type BodySetting = Extract<Setting, { readonly kind: 'body' }>;

/** An empty body. */
export const emptyBody: BodySetting = { kind: 'body', fields: new Map(), from: { kind: 'default' } };

/** Makes a value that came from outside the file. */
export function valueFrom(value: Scalar, from: Origin): Setting {
  return { kind: 'value', value, from };
}

/**
 * Lays one setting over another: what `over` says wins, body by body and label by label; a value or a list is replaced
 * as a whole.
 */
export function overlay(base: Setting | undefined, over: Setting): Setting {
  if (base?.kind !== 'body' || over.kind !== 'body') return over;
  return overlayBody(base, over);
}

/** The same for two bodies. */
export function overlayBody(base: BodySetting, over: BodySetting): BodySetting {
  const fields = new Map(base.fields);
  for (const [name, setting] of over.fields) fields.set(name, overlay(fields.get(name), setting));
  return { ...over, fields };
}

/** Returns a body without some of its fields. */
export function without(body: BodySetting, names: readonly string[]): BodySetting {
  return { ...body, fields: new Map([...body.fields].filter(([name]) => !names.includes(name))) };
}

/**
 * Returns plain data: bodies become objects, lists arrays. Keys keep their order.
 */
export function toData(setting: Setting): unknown {
  if (setting.kind === 'value') return setting.value;
  if (setting.kind === 'list') return setting.items.map(toData);
  // fromEntries, not assignment: a name may be __proto__.
  return Object.fromEntries([...setting.fields].map(([name, field]) => [name, toData(field)]));
}

/**
 * Finds where the setting at a path came from. Where there is none, that is the nearest one above it, and `rest` is what
 * of the path is not there.
 */
export function originOf(
  setting: Setting,
  path: readonly string[],
): { readonly from: Origin; readonly rest: readonly string[] } {
  let found = setting;
  for (const [index, key] of path.entries()) {
    const below = childOf(found, key);
    if (below === undefined) return { from: found.from, rest: path.slice(index) };
    found = below;
  }
  return { from: found.from, rest: [] };
}

/** Returns the line of a file that a setting stands in, 1 where it is not from a file. */
export function lineOf({ from }: Pick<Setting, 'from'>): number {
  return from.kind === 'file' ? from.line : 1;
}

function childOf(setting: Setting, key: string): Setting | undefined {
  if (setting.kind === 'body') return setting.fields.get(key);
  return setting.kind === 'list' && /^\d+$/.test(key) ? setting.items[Number(key)] : undefined;
}

/** One value with its path and where it came from. */
export interface Leaf {
  readonly path: readonly string[];
  readonly value: Scalar | readonly Scalar[];
  readonly from: Origin;
}

/** Lists the values of a setting in their order; a list of plain values is one of them. */
export function leavesOf(setting: Setting, path: readonly string[] = []): Leaf[] {
  if (setting.kind === 'value') return [{ path, value: setting.value, from: setting.from }];
  if (setting.kind === 'body') {
    // `port "http" {}` says something too.
    if (setting.fields.size === 0 && path.length > 1) return [{ path, value: '{}', from: setting.from }];
    return [...setting.fields].flatMap(([name, field]) => leavesOf(field, [...path, name]));
  }
  const values = setting.items.flatMap((item) => (item.kind === 'value' ? [item.value] : []));
  if (values.length === setting.items.length) return [{ path, value: values, from: setting.from }];
  return setting.items.flatMap((item, index) => leavesOf(item, [...path, String(index)]));
}
