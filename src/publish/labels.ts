import { exitCodes, SaddlebagError } from '../core/errors.ts';

/** Limit of what S3 keeps of names and values. Source: Amazon S3 User Guide, "Working with object metadata". */
const metadataLimitBytes = 2048;

/** Names that an object carries for Saddlebag itself. */
const ownNames: ReadonlySet<string> = new Set(['sha256', 'closure-sha256', 'tool-version', 'revision']);

/**
 * Parses labels, `NAME=VALUE` each: they become headers of the object, hence small letters, digits and dashes in the
 * name, and ASCII in the value. Every problem is reported at once.
 * @throws {SaddlebagError} `label-invalid`
 */
export function parseLabels(pairs: readonly string[]): Readonly<Record<string, string>> {
  const labels = new Map<string, string>();
  const problems: string[] = [];
  for (const pair of pairs) {
    const at = pair.indexOf('=');
    const [name, value] = at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)];
    const problem = at < 0 ? 'expected NAME=VALUE' : labelProblem(name, value, labels);
    if (problem === undefined) labels.set(name, value);
    else problems.push(`${JSON.stringify(name)}: ${problem}`);
  }
  if (problems.length === 0) return Object.fromEntries(labels);
  throw invalid(problems.join('; '));
}

/**
 * Joins what an object carries: Saddlebag's own words and the labels.
 * @throws {SaddlebagError} `label-invalid` when it is more than a server keeps
 */
export function objectMetadata(
  own: {
    readonly 'closure-sha256': string;
    /** Null for what Saddlebag did not make. */
    readonly 'tool-version': string | null;
    readonly revision: string | null;
  },
  labels: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const known = Object.entries(own).flatMap(([name, value]) =>
    value === null || !isPlain(value) ? [] : [[name, value] as const],
  );
  const metadata = { ...Object.fromEntries(known), ...labels };
  // The digest of the content joins them when it is sent.
  const sent = Object.entries({ ...metadata, sha256: '0'.repeat(64) });
  const bytes = sent.reduce((total, [name, value]) => total + name.length + value.length, 0);
  if (bytes <= metadataLimitBytes) return metadata;
  throw invalid(
    `they take too much: ${bytes} bytes with what every object carries, of ${metadataLimitBytes}`,
  );
}

function labelProblem(name: string, value: string, labels: ReadonlyMap<string, string>): string | undefined {
  if (!/^[a-z0-9][a-z0-9-]{0,62}$/.test(name)) return 'expected small letters, digits and - in its name';
  if (ownNames.has(name)) return 'that name is taken';
  if (labels.has(name)) return 'it is given twice';
  return isPlain(value) ? undefined : 'expected printable ASCII in its value, without blanks at its ends';
}

function isPlain(value: string): boolean {
  return /^[\x20-\x7e]*$/.test(value) && value.trim() === value;
}

function invalid(reason: string): SaddlebagError {
  return new SaddlebagError('label-invalid', `cannot use the labels: ${reason}`, {
    hint: 'for example --label team=web --label ticket=OPS-12',
    exitCode: exitCodes.usage,
  });
}
