import { basename } from 'node:path';

/** Names that hold credentials wherever they lie. */
const secretNames =
  /^(\.env(\.(?!example$|sample$|template$|dist$).+)?|\.netrc|\.pypirc|\.pgpass|\.htpasswd|\.git-credentials|id_(rsa|dsa|ecdsa|ed25519)|.+\.(kdbx|jks|p12|pfx))$/;
/** Directories of sample data; libraries ship keys in their tests. */
const testDirectory = /(^|\/)(tests?|testdata|test-data|fixtures|examples?)\//;
const privateKey = /^-----BEGIN ([A-Z]+ )*PRIVATE KEY( BLOCK)?-----/;
/** A file of so many bytes is no key, whatever it is called. */
const largestSecretBytes = 256 * 1024;

/**
 * Tells whether a file looks like a private key or a file of credentials, by its name or first line.
 * @param start its first bytes
 */
export function looksSecret(
  file: { readonly path: string; readonly sizeBytes: number },
  start: Buffer,
): boolean {
  if (file.sizeBytes > largestSecretBytes || testDirectory.test(file.path)) return false;
  if (secretNames.test(basename(file.path))) return true;
  return privateKey.test(start.toString('latin1')) || isNpmToken(file.path, start);
}

/** An .npmrc is a secret with a token in it only. */
function isNpmToken(path: string, start: Buffer): boolean {
  return (
    basename(path) === '.npmrc' && /_(authToken|auth|password)\s*=\s*[^$\s]/.test(start.toString('latin1'))
  );
}
