import { exitCodes, SaddlebagError } from '../core/errors.ts';

/** S3's limit. Source: Amazon S3 User Guide, "Naming Amazon S3 objects". */
const keyLimitBytes = 1024;

/**
 * Joins the key of a published file, `<prefix>/<name>/<sha256>/<file>`. The digest stands in it, so a key never has to
 * change its content; the file's name comes last, so a plain download is named well.
 * @throws {SaddlebagError} `key-invalid`
 */
export function artifactKey(parts: {
  /** Empty for none. */
  readonly prefix: string;
  readonly name: string;
  readonly sha256: string;
  readonly fileName: string;
}): string {
  return checkedKey([...nameComponents(parts), parts.sha256, parts.fileName]);
}

/** What may lie beside a published file, by what is put behind its key. */
export const besideSuffixes = ['.sha256', '.minisig', '.provenance.json', '.cdx.json'] as const;

/** The documents of a name, which change. No object's key goes on behind theirs: MinIO would not list it. */
const documentNames = ['releases.json', 'latest.json'] as const;

/**
 * Joins the key of the list of a name's releases, `<prefix>/<name>/releases.json`.
 * @throws {SaddlebagError} `key-invalid`
 */
export function releasesKey(place: { readonly prefix: string; readonly name: string }): string {
  return `${checkedKey(nameComponents(place))}/${documentNames[0]}`;
}

/**
 * Joins the key of what was published last of a name, `<prefix>/<name>/latest.json`.
 * @throws {SaddlebagError} `key-invalid`
 */
export function latestKey(place: { readonly prefix: string; readonly name: string }): string {
  return `${checkedKey(nameComponents(place))}/${documentNames[1]}`;
}

/** Tells whether a key is that of a document, which changes. */
export function isDocumentKey(key: string): boolean {
  return documentNames.some((name) => key.endsWith(`/${name}`));
}

function nameComponents({ prefix, name }: { readonly prefix: string; readonly name: string }): string[] {
  return [...(prefix === '' ? [] : [prefix]), name];
}

function checkedKey(components: readonly string[]): string {
  const key = components.join('/');
  const problem =
    keyProblem(key) ??
    (documentNames.some((name) => key.split('/').includes(name))
      ? 'releases.json and latest.json have a meaning of their own'
      : undefined);
  if (problem === undefined) return key;
  throw new SaddlebagError('key-invalid', `cannot publish to the key ${JSON.stringify(key)}: ${problem}`, {
    hint: 'change the prefix in --to, or the name of the bundle',
    exitCode: exitCodes.usage,
  });
}

/**
 * Says what is wrong with a key, or returns undefined. Refused is what a URL or a folder would read as another path:
 * empty components (go-getter takes `//` for the start of a sub-directory), `.` and `..`, control characters.
 */
export function keyProblem(key: string): string | undefined {
  if (Buffer.byteLength(key) > keyLimitBytes) return `it is longer than ${keyLimitBytes} bytes`;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(key)) return 'it holds a control character';
  if (!key.isWellFormed()) return 'it is not valid Unicode';
  const components = key.split('/');
  if (components.includes('')) return 'it has an empty component';
  return components.some((component) => component === '.' || component === '..')
    ? 'it has a component "." or ".."'
    : undefined;
}

/**
 * Writes a key as the path of a URL: each byte that is not a letter, a digit or one of `-_.~` percent-encoded, slashes
 * kept. S3 reads a bare `+` as a space, and Nomad would fill in `${…}`; encoded, both arrive as they are.
 */
export function encodeKey(key: string): string {
  return encodeURIComponent(key)
    .replaceAll('%2F', '/')
    .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}
