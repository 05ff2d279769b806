/**
 * Settings as a person wrote them, wherever that was: attributes by name, blocks as trees (or lists of trees, where a
 * block may come more than once), blocks with a label as trees by label. Names are Nomad's, with underscores. This is
 * what a reader of HCL gives, and what flags become.
 */
export type SettingsTree = Readonly<Record<string, unknown>>;

/** Names the place of a setting in messages: `--memory`, or `deploy.memory (saddlebag.hcl:12)`. */
export type NameOfSetting = (path: SettingPath) => string;

/** The keys and labels from the root of a tree to a setting; an item of a list is its index: `['port', 'http', 'to']`. */
export type SettingPath = readonly string[];

/** Names a setting by its keys alone: `port.http.to`. */
export function dottedName(path: SettingPath): string {
  return path.join('.');
}

/** Returns the tree of a block that comes once: readers of HCL give a list of one. */
export function onlyBlock(value: unknown): SettingsTree | undefined {
  const block = Array.isArray(value) && value.length === 1 ? value[0] : value;
  return isTree(block) ? block : undefined;
}

/** Tells a block from an attribute and a list. */
export function isTree(value: unknown): value is SettingsTree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
