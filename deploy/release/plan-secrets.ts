import { looksSecret } from '../../src/core/secret-names.ts';
import { isSecretOption, withoutCredentials } from '../artifact/artifact-source.ts';
import type { JobDiff } from '../nomad/plan-answer.ts';

/**
 * Tells whether a field of a plan holds a secret by its name: `Env[DB_PASSWORD]`, a key in an artifact's options, a header
 * that comes with a download. A plan is read in the log of a pipeline, by more people than the job.
 */
export function isSecretField(name: string): boolean {
  const [, key = ''] = /\[(.*)\]$/s.exec(name) ?? [];
  return looksSecret(key) || isSecretOption(key) || /^(?:proxy-)?authorization$|^cookie$/i.test(key);
}

/** Returns a text without what is secret in URLs in it: what signs a link opens it for who has it, as long as it is valid. */
export function withoutSecretsInUrls(text: string): string {
  const unsigned = text.replace(/([?&](?:X-Amz-(?:Signature|Security-Token)|Signature)=)[^&\s]*/gi, '$1…');
  return withoutCredentials(unsigned);
}

/** Returns a plan's difference with `(not shown)` for what is secret by its name, and `…` for what is within URLs. */
export function hideSecrets(diff: JobDiff): JobDiff {
  const hide = (name: string, value: string) =>
    isSecretField(name) && value !== '' ? '(not shown)' : withoutSecretsInUrls(value);
  return {
    ...diff,
    fields: diff.fields.map((field) => ({
      ...field,
      before: hide(field.name, field.before),
      after: hide(field.name, field.after),
    })),
    children: diff.children.map(hideSecrets),
  };
}
