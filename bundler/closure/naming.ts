import { basename } from 'node:path';
import { exitCodes, SaddlebagError } from '../../src/core/errors.ts';
import { splitNameVersion, storePathName, storePathOf } from '../../src/core/store-path.ts';

/** What an app is called; `appVersion` is '' where nothing tells it. */
export interface AppName {
  readonly name: string;
  readonly appVersion: string;
}

/**
 * Names an app: as asked for; else by the store path that `file` lies in (`app-0.1.0`); else by the base name of `file`.
 * @throws {SaddlebagError} `name-invalid`: names become file names, object keys and Nomad job names
 */
export function nameApp(
  file: string,
  asked: { readonly name?: string; readonly appVersion?: string },
): AppName {
  const storePath = storePathOf(file);
  const found =
    storePath === undefined
      ? { name: basename(file), version: '' }
      : splitNameVersion(storePathName(storePath));
  const name = asked.name ?? found.name;
  const appVersion = asked.appVersion ?? found.version;
  requireValid('name', name, '--name');
  if (appVersion !== '') requireValid('version', appVersion, '--app-version');
  return { name, appVersion };
}

function requireValid(what: string, text: string, flag: string): void {
  if (/^[a-zA-Z0-9][a-zA-Z0-9._+-]*$/.test(text)) return;
  throw new SaddlebagError(
    'name-invalid',
    `cannot name the bundle: "${text}" is no ${what}: letters, digits and . _ + - are, a letter or digit first`,
    { hint: `choose one with ${flag}`, exitCode: exitCodes.usage },
  );
}
