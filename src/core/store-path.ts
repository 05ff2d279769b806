import { SaddlebagError } from './errors.ts';

/** An absolute path of the form `/nix/store/<32 digits of base 32>-<name>`; made by `parseStorePath` only. */
export type StorePath = string & { readonly brand: 'StorePath' };

/** The directory of all store paths. */
export const storeDirectory = '/nix/store';

// Nix's base 32 leaves out e, o, t and u; names are at most 211 bytes.
// Source: Nix manual, "Store path".
const pattern = /^\/nix\/store\/([0-9abcdfghijklmnpqrsvwxyz]{32})-([0-9a-zA-Z+\-._?=]{1,211})$/;

/**
 * Parses a store path.
 * @throws {SaddlebagError} `store-path-invalid`
 */
export function parseStorePath(text: string): StorePath {
  if (!pattern.test(text)) {
    throw new SaddlebagError('store-path-invalid', `cannot read ${text}: not a store path`, {
      hint: 'a store path looks like /nix/store/<32 characters>-<name>',
    });
  }
  return text as StorePath;
}

/**
 * Finds the store path that `file` lies in, or returns undefined when it lies outside the store.
 */
export function storePathOf(file: string): StorePath | undefined {
  const top = file.split('/').slice(0, 4).join('/');
  return pattern.test(top) ? (top as StorePath) : undefined;
}

/** Returns `<hash>-<name>`. */
export function storePathBase(storePath: StorePath): string {
  return storePath.slice(storeDirectory.length + 1);
}

/** Returns the name behind the hash, version included: `app-0.1.0`. */
export function storePathName(storePath: StorePath): string {
  return storePathBase(storePath).slice(33);
}

/** What nixpkgs appends to the name of a store path that is not a package's main output. */
const outputSuffix = /-(?:bin|dev|devdoc|doc|info|lib|man|out|static)$/;

/**
 * Splits `app-0.1.0` where Nix does: before the first dash that a non-letter follows. An output's name is no part of the
 * version: `jq-1.7-bin` has 1.7.
 * Source: Nix manual, `builtins.parseDrvName`; nixpkgs manual, "Multiple-output packages".
 */
export function splitNameVersion(text: string): { readonly name: string; readonly version: string } {
  const match = /^(.*?)-([^a-zA-Z].*)$/.exec(text);
  return match?.[1] === undefined || match[2] === undefined || match[1] === ''
    ? { name: text, version: '' }
    : { name: match[1], version: match[2].replace(outputSuffix, '') };
}

const base32Digits = '0123456789abcdfghijklmnpqrsvwxyz';

/**
 * Makes the store path of a tree that Nix did not build, from the SHA-256 of its content (32 bytes): the digest folded
 * to 20 bytes and written in Nix's base 32.
 */
export function storePathFromDigest(sha256: Uint8Array, name: string): StorePath {
  const folded = new Uint8Array(20);
  for (const [index, byte] of sha256.entries()) folded[index % 20] = (folded[index % 20] ?? 0) ^ byte;
  let text = '';
  for (let digit = 31; digit >= 0; digit--) {
    const bit = digit * 5;
    const low = folded[bit >> 3] ?? 0;
    const high = folded[(bit >> 3) + 1] ?? 0;
    text += base32Digits[((low >> (bit & 7)) | (high << (8 - (bit & 7)))) & 31];
  }
  return parseStorePath(`${storeDirectory}/${text}-${sanitizeName(name)}`);
}

/** Replaces what a store path's name may not hold. */
function sanitizeName(name: string): string {
  const clean = name
    .replace(/[^0-9a-zA-Z+\-._?=]/g, '-')
    .replace(/^\.+/, '')
    .slice(0, 200);
  return clean === '' ? 'app' : clean;
}
