import { basename } from 'node:path';
import { exitCodes, SaddlebagError } from '../../src/core/errors.ts';
import { splitNameVersion, storePathName, storePathOf } from '../../src/core/store-path.ts';

/** What an app is called; `appVersion` is '' where nothing tells it. */
export interface AppName {
  readonly name: string;
  readonly appVersion: string;
}

/**
 * Names an app: as asked for; else as `found` says; for a file, by the store path that it lies in (`app-0.1.0`), else by
 * its base name.
 * @throws {SaddlebagError} `name-invalid`: names become file names, object keys and Nomad job names
 */
export function nameApp(
  found: string | { readonly name: string; readonly version: string },
  asked: { readonly name?: string; readonly appVersion?: string },
): AppName {
  const own = typeof found === 'string' ? nameOfFile(found) : found;
  const name = asked.name ?? own.name;
  const appVersion = asked.appVersion ?? own.version;
  requireValid('name', name, '--name');
  if (appVersion !== '') requireValid('version', appVersion, '--app-version');
  return { name, appVersion };
}

function nameOfFile(file: string): { readonly name: string; readonly version: string } {
  const storePath = storePathOf(file);
  return storePath === undefined
    ? { name: basename(file), version: '' }
    : splitNameVersion(storePathName(storePath));
}

function requireValid(what: string, text: string, flag: string): void {
  if (/^[a-zA-Z0-9][a-zA-Z0-9._+-]*$/.test(text)) return;
  throw new SaddlebagError(
    'name-invalid',
    `cannot name the bundle: "${text}" is no ${what}: letters, digits and . _ + - are, a letter or digit first`,
    { hint: `choose one with ${flag}`, exitCode: exitCodes.usage },
  );
}
