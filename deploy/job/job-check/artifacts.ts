import { formatMoment } from '../../../src/core/units.ts';
import { type Fields, fieldsOf, listOf, textOf } from './fields.ts';
import type { CheckFacts, Finding } from './finding.ts';
import { isOlder } from './version.ts';

/** Checks what a task downloads: that it can be trusted, and later allocations still get it. */
export function checkArtifacts(
  task: Fields,
  place: string,
  facts: CheckFacts & { readonly runsToEnd: boolean },
): Finding[] {
  return listOf(task.Artifacts).flatMap((artifact) => {
    const at = `${place}: artifact`;
    const source = textOf(artifact.GetterSource);
    const options = fieldsOf(artifact.GetterOptions);
    return [
      ...checkChecksum(source, options, at),
      ...checkExpiry(source, at, facts),
      ...checkPlainS3(source, at, facts),
      ...(facts.serverVersion === null ? [] : checkS3(source, options, { at, version: facts.serverVersion })),
    ];
  });
}

function checkChecksum(source: string, options: Fields, at: string): Finding[] {
  if (textOf(options.checksum) !== '' || parameter(source, 'checksum') !== null) return [];
  return [
    {
      kind: 'warning',
      code: 'artifact-unchecked',
      place: at,
      problem: `${shown(source)} has no checksum: a client runs whatever it finds there`,
      hint: 'write options { checksum = "sha256:…" }, as saddlebag publish prints it',
    },
  ];
}

/** A presigned URL serves for days, and every allocation downloads again: after a drain as after a crash. */
function checkExpiry(
  source: string,
  at: string,
  { nowMs, runsToEnd }: { readonly nowMs: number; readonly runsToEnd: boolean },
): Finding[] {
  const expiresMs = expiryOf(source);
  if (expiresMs === null) return [];
  const when = formatMoment(new Date(expiresMs).toISOString());
  const hint = 'publish where clients have access of their own, or deploy with a fresh link';
  if (expiresMs <= nowMs) {
    return [{ kind: 'error', place: at, problem: `the link to ${shown(source)} expired at ${when}`, hint }];
  }
  if (runsToEnd) return [];
  return [
    {
      kind: 'warning',
      code: 'artifact-expires',
      place: at,
      problem: `the link to ${shown(source)} expires at ${when}: an allocation that is placed later fails`,
      hint,
    },
  ];
}

/** Source: AWS Signature Version 4 (`X-Amz-Date`, `X-Amz-Expires`) and 2 (`Expires`) in query strings. */
function expiryOf(source: string): number | null {
  const [date, seconds] = [parameter(source, 'X-Amz-Date'), parameter(source, 'X-Amz-Expires')];
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date ?? '');
  if (match !== null && /^\d{1,8}$/.test(seconds ?? '')) {
    const [, year, month, day, hour, minute, second] = match.map(Number);
    const signedMs = Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second);
    return signedMs + Number(seconds) * 1_000;
  }
  const expires = parameter(source, 'Expires');
  const isSigned = parameter(source, 'Signature') !== null;
  return isSigned && /^\d{9,11}$/.test(expires ?? '') ? Number(expires) * 1_000 : null;
}

/** Tells whether a job fetches what clients of some versions cannot: only then is it worth asking for their versions. */
export function dependsOnClients(job: unknown): boolean {
  return listOf(fieldsOf(job).TaskGroups)
    .flatMap((group) => listOf(group.Tasks))
    .flatMap((task) => listOf(task.Artifacts))
    .some((artifact) => otherS3(textOf(artifact.GetterSource))?.scheme === 'http');
}

/** Source: Nomad issue 27086, go-getter issue 569. */
function checkPlainS3(source: string, at: string, { clientVersions, serverVersion }: CheckFacts): Finding[] {
  const server = otherS3(source);
  if (server?.scheme !== 'http') return [];
  const known = clientVersions.length > 0 || serverVersion === null ? clientVersions : [serverVersion];
  const broken = known.filter((version) => !isOlder(version, '1.11.0') && isOlder(version, '1.11.2'));
  if (broken.length === 0) return [];
  return [
    {
      kind: 'warning',
      code: 'nomad-too-old',
      place: at,
      problem: `clients of Nomad ${broken.join(' and ')} ask ${server.host} by https, although the source says http`,
      hint: 'bring them up to 1.11.2, serve the bucket by https, or let it be read without credentials (mc anonymous set download)',
    },
  ];
}

function checkS3(
  source: string,
  options: Fields,
  { at, version }: { readonly at: string; readonly version: string },
): Finding[] {
  const server = otherS3(source);
  if (server === null || textOf(options.aws_access_key_id) !== '' || !isOlder(version, '1.11.0')) return [];
  return [
    {
      kind: 'error',
      place: at,
      problem: `clients of Nomad ${version} use credentials of their own with AWS only, not with ${server.host}`,
      hint: 'bring them up to 1.11, or publish to a bucket that they may read by plain https',
    },
  ];
}

/** Takes apart a source that is fetched by S3's protocol from a server other than AWS; null for any other. */
function otherS3(source: string): { readonly scheme: string; readonly host: string } | null {
  const [, scheme = '', host = ''] = /^s3::(https?):\/\/([^/?#]+)/.exec(source) ?? [];
  return scheme === '' || /(?:^|\.)amazonaws\.com(?:\.cn)?$/.test(host) ? null : { scheme, host };
}

function parameter(source: string, name: string): string | null {
  const at = source.indexOf('?');
  return at < 0 ? null : new URLSearchParams(source.slice(at + 1)).get(name);
}

/** A query may hold a signature, which is as good as a password until it expires. */
function shown(source: string): string {
  return source.split('?')[0] ?? source;
}
