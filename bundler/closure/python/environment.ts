import { join } from 'node:path';
import { withoutOwnSecrets } from '../../../src/core/own-secrets.ts';
import type { Workplace } from '../workplace.ts';

/** What would send an installer elsewhere, or another Python's modules into it. */
const ignored = [
  'PYTHONHOME',
  'PYTHONPATH',
  'PYTHONSTARTUP',
  'PYTHONUSERBASE',
  'PIP_PREFIX',
  'PIP_PYTHON',
  'PIP_ROOT',
  'PIP_TARGET',
  'PIP_USER',
  'UV_PROJECT_ENVIRONMENT',
  'UV_PYTHON',
  'UV_SYSTEM_PYTHON',
  'VIRTUAL_ENV',
];

/**
 * Returns the environment for installers: the user's, with indexes, proxies and their credentials, without those of the
 * store and the cluster, without what would lead installers to other places than those of the bundle, and with what makes
 * builds come out equal.
 */
export function installerEnvironment({
  context,
  workDirectory,
}: Workplace): Readonly<Record<string, string | undefined>> {
  const env = withoutOwnSecrets(context.env);
  const cleared = Object.fromEntries(ignored.map((name) => [name, undefined]));
  return {
    ...env,
    ...cleared,
    // Unpacked sources and half-done builds go with it.
    TMPDIR: join(workDirectory, 'tmp'),
    // Debuggers' notes name the directory of the build.
    CFLAGS: [env.CFLAGS, '-g0'].filter((flags) => flags !== undefined).join(' '),
    // The oldest time that a zip file can hold.
    SOURCE_DATE_EPOCH: '315532800',
    PYTHONHASHSEED: '0',
    PYTHONDONTWRITEBYTECODE: '1',
    PIP_DISABLE_PIP_VERSION_CHECK: '1',
    PIP_NO_INPUT: '1',
    PIP_REQUIRE_VIRTUALENV: '0',
    UV_PYTHON_DOWNLOADS: 'never',
    UV_LINK_MODE: 'copy',
    UV_NO_PROGRESS: '1',
    POETRY_NO_INTERACTION: '1',
  };
}
