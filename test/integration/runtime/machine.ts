import { startChild, type TestBundle, withCache } from './bundles.ts';

/** Lets the runtime say what it does. */
export const debug = { SADDLEBAG_DEBUG: '1' };

/** What `describeWith` needs for `inMounts` and `dropRights`. */
export const machineTools = ['root', 'unshare', 'setpriv'] as const;

/** The words of a shell before a command that should have no right. */
export const dropRights = 'setpriv --reuid 65534 --regid 65534 --clear-groups';

/** Starts a shell script as root in a mount namespace of its own. */
export function inMounts(bundle: TestBundle, script: string, env: Readonly<Record<string, string>>) {
  return startChild('/usr/bin/unshare', {
    ...withCache(bundle, { env }),
    args: ['-m', '/bin/sh', '-euc', script],
    asSelf: true,
  }).outcome;
}
