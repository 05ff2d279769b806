import { resolve } from 'node:path';
import { exitCodes, SaddlebagError } from '../core/errors.ts';

/** A bucket, and what its URL says of how to reach it. */
export interface S3Destination {
  readonly kind: 's3';
  readonly bucket: string;
  /** Empty, or a key without slashes at its ends. */
  readonly prefix: string;
  readonly endpoint?: string;
  readonly region?: string;
  readonly pathStyle?: boolean;
}

/** Where `--to` points. */
export type Destination =
  | S3Destination
  | { readonly kind: 'directory'; readonly directory: string; readonly prefix: '' };

/** Where `--from` points: what can be written, or what a web server shows. */
export type Origin = Destination | { readonly kind: 'http'; readonly url: string; readonly prefix: '' };

// Source: Amazon S3 User Guide, "General purpose bucket naming rules"; the oldest buckets and some other servers allow
// capitals, underscores and 255 characters, so only what could never be one is refused here.
const bucketPattern = /^[a-zA-Z0-9][a-zA-Z0-9._-]{1,254}$/;

/**
 * Parses `s3://bucket/prefix` or the path of a folder, relative to `cwd`. Behind a bucket, `?endpoint=URL&region=NAME`
 * says where it is, so that one text names a store altogether.
 * @throws {SaddlebagError} `destination-invalid`
 */
export function parseDestination(text: string, cwd: string): Destination {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined) {
    if (text === '') throw invalid(text, 'it is empty');
    if (/^s3:/i.test(text)) throw invalid(text, 'two slashes come after s3:');
    return { kind: 'directory', directory: resolve(cwd, text), prefix: '' };
  }
  if (scheme !== 's3') throw invalid(text, `${scheme}:// is not a store`);
  const [path = '', ...query] = text.slice('s3://'.length).split('?');
  const [bucket = '', ...rest] = path.split('/');
  if (!bucketPattern.test(bucket)) throw invalid(text, 'what follows s3:// is not the name of a bucket');
  return {
    kind: 's3',
    bucket,
    prefix: rest.join('/').replace(/^\/+|\/+$/g, ''),
    ...parseParameters(text, query.join('?')),
  };
}

/**
 * Parses what `parseDestination` does, or the URL below which a web server shows a store.
 * @throws {SaddlebagError} `destination-invalid`, `url-invalid`
 */
export function parseOrigin(text: string, cwd: string): Origin {
  if (!/^https?:\/\//i.test(text)) return parseDestination(text, cwd);
  return { kind: 'http', url: parseBaseUrl(text, '--from'), prefix: '' };
}

function parseParameters(
  text: string,
  query: string,
): Pick<S3Destination, 'endpoint' | 'region' | 'pathStyle'> {
  const found: { endpoint?: string; region?: string; pathStyle?: boolean } = {};
  for (const [name, value] of new URLSearchParams(query)) {
    if (name === 'endpoint') found.endpoint = parseBaseUrl(value, '--endpoint');
    else if (name === 'region') found.region = value;
    else if (name === 'path-style' && (value === 'true' || value === 'false'))
      found.pathStyle = value === 'true';
    else throw invalid(text, `it takes endpoint, region and path-style, not ${name}`);
  }
  return found;
}

function invalid(text: string, reason: string): SaddlebagError {
  // What stands before an @ may be a password that someone put into a URL, and a query may hold a key.
  const shown = text.replace(/\/\/[^/@]*@/, '//…@').replace(/\?.*/s, '?…');
  return new SaddlebagError('destination-invalid', `cannot publish to ${shown}: ${reason}`, {
    hint: 'give s3://BUCKET/PREFIX or the path of a folder; other servers than AWS are named by --endpoint URL',
    exitCode: exitCodes.usage,
  });
}

/**
 * Parses the URL of an endpoint or of a download base and returns it without a slash at its end. Credentials, a query or
 * a fragment are refused: they would end up in jobs and logs.
 * @throws {SaddlebagError} `url-invalid`, which repeats nothing of a URL with credentials
 */
export function parseBaseUrl(text: string, flag: string): string {
  const url = URL.parse(text);
  const problem = baseUrlProblem(url);
  if (url === null || problem !== undefined) {
    const shown =
      url === null || url.username !== '' || url.password !== ''
        ? 'the URL'
        : url.href.replace(/[?#].*/s, '');
    throw new SaddlebagError('url-invalid', `cannot use ${shown} of ${flag}: ${problem}`, {
      hint: `give an http or https URL, for example ${flag} https://minio.example.com`,
      exitCode: exitCodes.usage,
    });
  }
  return url.href.replace(/\/+$/, '');
}

function baseUrlProblem(url: URL | null): string | undefined {
  if (url === null) return 'it is not a URL';
  if (url.username !== '' || url.password !== '') return 'it holds credentials';
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return 'its scheme is neither http nor https';
  return url.search !== '' || url.hash !== '' ? 'it has a query or a fragment' : undefined;
}
