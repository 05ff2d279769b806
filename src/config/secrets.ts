import { looksSecret } from '../core/secret-names.ts';
import type { ConfigProblem } from './problems.ts';
import { type BodySetting, lineOf, type Setting, toData } from './setting.ts';

/**
 * Finds variables that are called like secrets and have their value in the file, where whoever reads the repository or
 * the job reads them too. What an app lists as `not_secret` is let through.
 */
export function secretProblems(apps: ReadonlyMap<string, BodySetting>): readonly ConfigProblem[] {
  return [...apps].flatMap(([name, app]) => {
    const allowed = app.fields.get('not_secret');
    const names = allowed === undefined ? [] : toData(allowed);
    return searchBody(app, ['app', name], new Set(Array.isArray(names) ? names : []));
  });
}

function searchBody(
  body: BodySetting,
  path: readonly string[],
  allowed: ReadonlySet<unknown>,
): ConfigProblem[] {
  return [...body.fields].flatMap(([name, setting]) => {
    const below = [...path, name];
    if (setting.kind === 'list') {
      return setting.items.flatMap((item) => (item.kind === 'body' ? searchBody(item, below, allowed) : []));
    }
    if (setting.kind !== 'body') return [];
    if (name !== 'env' || setting.isLabels === true) return searchBody(setting, below, allowed);
    return [...setting.fields]
      .filter(([variable, value]) => looksSecret(variable) && isLiteral(value) && !allowed.has(variable))
      .map(([variable, value]) => ({
        line: lineOf(value),
        message: `${[...below, variable].join('.')}: it is called like a secret, and its value stands in the file: write secret = { ${variable} = "path:key" } with the path and key of a Nomad variable, or not_secret = ["${variable}"] in the app`,
      }));
  });
}

/** Nothing, and what the client fills in, is no secret. */
function isLiteral(setting: Setting): boolean {
  if (setting.kind !== 'value' || setting.value === null || setting.value === '') return false;
  return !/^\$\{[^}]+\}$/.test(String(setting.value));
}
