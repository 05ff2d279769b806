import { exitCodes, SaddlebagError } from '../core/errors.ts';
import { looksSecret } from '../core/secret-names.ts';

/** The flags that may hold what should not be seen. */
export interface SecretFlags {
  /** `NAME=VALUE` each. */
  readonly env?: readonly string[] | undefined;
  /** Names of variables that may be given though they are called like secrets. */
  readonly notSecret?: readonly string[] | undefined;
}

/**
 * Refuses variables that are called like secrets and whose values would stand in a job: it can be read by everybody who
 * may read jobs, and its versions are kept.
 * @throws {SaddlebagError} `secret-in-plain-text`
 */
export function refuseSecrets({ env = [], notSecret = [] }: SecretFlags): void {
  const names = env.flatMap((pair) => {
    const [, name = '', value = ''] = /^([^=]*)=(.*)$/s.exec(pair) ?? [];
    const isLiteral = value !== '' && !/^\$\{[^}]+\}$/.test(value);
    return looksSecret(name) && isLiteral && !notSecret.includes(name) ? [name] : [];
  });
  const [first] = names;
  if (first === undefined) return;
  throw new SaddlebagError(
    'secret-in-plain-text',
    `cannot write ${names.join(', ')} into a job: who may read the job can read it`,
    {
      hint: `take it from a Nomad variable: --secret ${first}=PATH:KEY; if it is none, pass --not-secret ${first}`,
      exitCode: exitCodes.usage,
    },
  );
}
