import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Context } from '../../core/context.ts';
import { describeCause, exitCodes, SaddlebagError } from '../../core/errors.ts';
import {
  type PublicKey,
  parsePublicKey,
  parseSecretKey,
  type SecretKey,
} from '../../publish/provenance/minisign.ts';

/** The flags of a command that signs. */
export interface SignFlags {
  /** File of a secret key of minisign. */
  readonly signKey?: string | undefined;
  /** File whose first line is the key's password; SADDLEBAG_SIGN_PASSWORD otherwise. */
  readonly signPasswordFile?: string | undefined;
}

type SigningContext = Pick<Context, 'cwd' | 'env'>;

/**
 * Reads the key that signs; undefined where none is given. The password never stands in an argument.
 * @throws {SaddlebagError} `sign-key-invalid`, `sign-key-locked`
 */
export async function readSecretKey(
  { signKey, signPasswordFile }: SignFlags,
  { cwd, env }: SigningContext,
): Promise<SecretKey | undefined> {
  if (signKey === undefined) return undefined;
  const file = resolve(cwd, signKey);
  const text = await readText(file, 'sign-key-invalid');
  const password =
    signPasswordFile === undefined
      ? env.SADDLEBAG_SIGN_PASSWORD
      : (await readText(resolve(cwd, signPasswordFile), 'sign-key-locked')).split(/\r?\n/)[0];
  return parseSecretKey(text, file, password);
}

/**
 * Reads the key that artifacts must be signed with: a file, or the key itself (`RW…`); SADDLEBAG_PUBLIC_KEY where the
 * flag is not given; undefined where none is asked for.
 * @throws {SaddlebagError} `public-key-invalid`
 */
export async function readPublicKey(
  flag: string | undefined,
  { cwd, env }: SigningContext,
): Promise<PublicKey | undefined> {
  // A flag that a script left empty asks for a key all the same.
  const given = flag ?? (env.SADDLEBAG_PUBLIC_KEY || undefined);
  if (given === undefined) return undefined;
  if (given === '' || /^RW[A-Za-z0-9+/=]{54}$/.test(given)) return parsePublicKey(given);
  return parsePublicKey(await readText(resolve(cwd, given), 'public-key-invalid'));
}

async function readText(
  file: string,
  code: 'sign-key-invalid' | 'sign-key-locked' | 'public-key-invalid',
): Promise<string> {
  return readFile(file, 'utf8').catch((cause: unknown) => {
    throw new SaddlebagError(code, `cannot read ${file}: ${describeCause(cause)}`, {
      hint: 'give a file that minisign -G wrote',
      cause,
      exitCode: exitCodes.usage,
    });
  });
}
