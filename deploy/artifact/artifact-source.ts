import { isIP } from 'node:net';

/** An artifact source taken apart: what goes into `source` of an artifact block, and what into its `options`. */
export interface ArtifactSource {
  /** With its other parameters, as they were written: a signature covers their exact bytes. */
  readonly url: string;
  /** In go-getter's form, `sha256:<hex>` in lower case. */
  readonly checksum: string;
  /** Path of the URL, decoded. */
  readonly path: string;
  readonly hostname: string;
}

/** Prefixes that make Nomad's downloader use one protocol: `s3::https://…`. */
const forcedGetter = /^(?:s3|gcs|http|https)::/;

/** Source: hashicorp/go-getter, get_s3.go and get_git.go. A signature is another thing: it opens one file for some days. */
const secretOptions = ['aws_access_key_secret', 'aws_access_token', 'sshkey'];
const secretInQuery = new RegExp(`([?&](?:${secretOptions.join('|')})=)[^&#\\s]*`, 'gi');
const passwordInUrl = /(:\/\/[^/?#\s:@]*:)[^/?#\s@]+@/g;

/** Tells whether an option of an artifact, which may stand in its URL as well, is a credential. */
export function isSecretOption(name: string): boolean {
  return secretOptions.includes(name);
}

/** Returns a text, of which any part may be a URL, without what URLs hold of credentials: in options, before an @. */
export function withoutCredentials(text: string): string {
  return text.replace(secretInQuery, '$1…').replace(passwordInUrl, '$1…@');
}

/**
 * Parses a source of the form `URL?archive=false&checksum=sha256:<hex>`. Returns the reason as text where it is not one.
 * Nothing that Nomad would interpolate is let through: the text comes from outside, and `${NOMAD_TOKEN}` in a URL would
 * send the task's secrets to whoever wrote it.
 */
export function parseArtifactSource(text: string): ArtifactSource | string {
  if (/[\s\p{Cc}]/u.test(text)) return 'a URL holds no blanks and no control characters';
  if (text.includes('${') || text.includes('%{'))
    return 'a URL holds no interpolation, which Nomad would evaluate';
  const url = parseUrl(text.replace(forcedGetter, ''));
  if (url === undefined) return 'not a URL';
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    return `Nomad fetches bundles by http, https or s3::https, not by ${url.protocol.slice(0, -1)}`;
  }
  const path = decode(url.pathname);
  // Go's parser, which clients use, refuses a stray %; WHATWG's lets it stand.
  if (path === undefined) return 'its path is not percent-encoded UTF-8';
  const { address, parameters } = splitQuery(text);
  if (url.username !== '' || url.password !== '' || parameters.some(({ name }) => isSecretOption(name))) {
    return 'a URL holds no credentials: whoever may read the job could read them';
  }
  const checksum = checksumOf(parameters);
  if (checksum.problem !== undefined) return checksum.problem;
  const kept = parameters.filter(({ name }) => name !== 'archive' && name !== 'checksum');
  return {
    url: kept.length === 0 ? address : `${address}?${kept.map(({ raw }) => raw).join('&')}`,
    checksum: checksum.value,
    path,
    hostname: url.hostname,
  };
}

/**
 * Tells whether a host name means the machine that resolves it.
 */
export function isLoopback(hostname: string): boolean {
  const name = hostname.replace(/^\[|\]$/g, '').toLowerCase();
  if (isIP(name) === 4) return name.startsWith('127.') || name === '0.0.0.0';
  if (isIP(name) === 6) return name === '::1' || name === '::' || name.startsWith('::ffff:7f');
  return name === 'localhost' || name.endsWith('.localhost');
}

interface Parameter {
  readonly name: string;
  readonly value: string;
  readonly raw: string;
}

function splitQuery(text: string): { readonly address: string; readonly parameters: readonly Parameter[] } {
  const [withoutFragment = ''] = text.split('#');
  const [address = '', ...rest] = withoutFragment.split('?');
  const query = rest.join('?');
  if (query === '') return { address, parameters: [] };
  const parameters = query.split('&').map((raw) => {
    const [name = '', ...value] = raw.split('=');
    return { name: decode(name) ?? name, value: decode(value.join('=')) ?? value.join('='), raw };
  });
  return { address, parameters };
}

type Checksum = { readonly value: string; readonly problem?: undefined } | { readonly problem: string };

function checksumOf(parameters: readonly Parameter[]): Checksum {
  const values = parameters.filter(({ name }) => name === 'checksum').map(({ value }) => value);
  const [value] = values;
  if (value === undefined) return { problem: 'it has no checksum' };
  if (values.length > 1) return { problem: 'it has more than one checksum' };
  const problem = checksumProblem(value);
  return problem === undefined ? { value: value.toLowerCase() } : { problem };
}

/**
 * Says what is wrong with a checksum; undefined when it reads `sha256:` and 64 hexadecimal digits.
 */
export function checksumProblem(checksum: string): string | undefined {
  return /^sha256:[0-9a-fA-F]{64}$/.test(checksum)
    ? undefined
    : `expected a checksum of the form sha256:<64 hexadecimal digits>, got "${checksum}"`;
}

function parseUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}

/** Undefined for what is not percent-encoded UTF-8. */
function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** Returns a source for messages: without what stands before an @, and without its query, either of which opens doors. */
export function shownSource(text: string): string {
  const shown = text.replace(/\/\/[^/?#]*@/, '//…@').replace(/\?.*/s, '?…');
  return shown.length > 200 ? `${shown.slice(0, 200)}…` : shown;
}
