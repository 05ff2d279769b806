import type { ChildProcess } from 'node:child_process';
import { chmod, chown } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import {
  makeBundle,
  nobody,
  type Outcome,
  type StartOptions,
  startChild,
  type TestBundle,
} from '../bundles.ts';
import { beside } from './programs.ts';
import { makeRoot, type Place, type RootOptions, type Strategy, type User } from './strategies.ts';

export interface Launch extends Omit<StartOptions, 'asSelf' | 'argv0'> {
  /** Shell words that change the machine first, as root in a mount namespace of this start's own. */
  readonly machine?: string;
  /** Shell words of the user right before the bundle, which is `$0` with its arguments in `$@`. */
  readonly before?: string;
  /** A root of its own to start in, instead of what the strategy has. */
  readonly root?: RootOptions;
  /** That root has no program of the host's to enter it with: nothing goes before the bundle. */
  readonly isBare?: boolean;
  /** More namespaces around the start, as flags of `unshare`. */
  readonly unshare?: readonly string[];
  /** Which rights the start has, as flags of `setpriv`, instead of the cell's. */
  readonly rights?: string;
}

/** The flags of `setpriv` for a user without any right. */
export const unprivileged = '--reuid 65534 --regid 65534 --clear-groups';

/** Ends a case without a verdict. */
export class CaseSkipped extends Error {}

/**
 * One strategy and one user that a case runs under. Bundles that it makes belong to that user, and what it starts is
 * pinned to that strategy, on a machine where that one serves.
 */
export class Cell {
  readonly strategy: Strategy;
  readonly user: User;

  constructor(strategy: Strategy, user: User) {
    this.strategy = strategy;
    this.user = user;
  }

  get isRoot(): boolean {
    return this.user === 'root';
  }

  skip(reason: string): never {
    throw new CaseSkipped(reason);
  }

  async bundle(...parameters: Parameters<typeof makeBundle>): Promise<TestBundle> {
    const bundle = await makeBundle(...parameters);
    for (const directory of this.isRoot ? [bundle.cache, bundle.spare] : []) {
      await chown(directory, 0, 0);
      // relocate keeps nothing where the user that a server of root's becomes would not get in.
      await chmod(directory, 0o755);
    }
    return bundle;
  }

  /** Where this strategy keeps a bundle's store paths, seen from outside. */
  place(bundle: TestBundle): Place {
    return this.strategy.place?.(bundle) ?? this.skip(`${this.strategy.name} keeps no store paths`);
  }

  async spawn(bundle: TestBundle, launch: Launch = {}): Promise<ReturnType<typeof startChild>> {
    const { machine, before, unshare, rights, root, isBare, ...options } = launch;
    const started = {
      ...options,
      env: {
        SADDLEBAG_STRATEGY: this.strategy.name,
        SADDLEBAG_CACHE_DIR: bundle.cache,
        NOMAD_ALLOC_DIR: bundle.spare,
        HOME: '/nonexistent',
        ...options.env,
      },
    };
    const user =
      before === undefined
        ? ['"$0" "$@"']
        : ['/bin/sh', '-euc', quote(`${before}\nexec "$0" "$@"`), '"$0" "$@"'];
    if (nobody.uid === undefined) {
      if (isMachine(launch)) this.skip('root missing');
      return startChild('/bin/sh', {
        ...started,
        args: ['-euc', `exec ${user.join(' ')}`, bundle.file, ...(options.args ?? [])],
      });
    }
    const script = [
      ownTemporaries(bundle),
      machine ?? '',
      (await this.strategy.prepare?.(bundle)) ?? '',
      await this.#rootWords(bundle, root),
      isBare === true ? await this.#enterBare(bundle) : this.#enter(launch, user.join(' ')),
    ].join('\n');
    return startChild('/usr/bin/unshare', {
      ...started,
      cwd: '/',
      args: ['-m', ...(unshare ?? []), '/bin/sh', '-euc', script, bundle.file, ...(options.args ?? [])],
      asSelf: true,
    });
  }

  /** The root that the strategy has, with what the test wants otherwise. */
  async #rootWords(bundle: TestBundle, wanted: RootOptions | undefined): Promise<string> {
    const own = await this.strategy.root?.(bundle);
    if (own === undefined && wanted === undefined) return '';
    const inside = `${own?.inside ?? ''}\n${wanted?.inside ?? ''}`;
    return makeRoot(bundle, this.user, { ...own, ...wanted, inside });
  }

  #enter({ root, rights, cwd }: Launch, user: string): string {
    const hasRoot = root !== undefined || this.strategy.root !== undefined;
    return `${hasRoot ? 'pivot_root . old && cd / && umount -l old' : ''}
      cd ${quote(cwd ?? '/')}
      exec setpriv ${rights ?? this.#ownRights()} ${user}`;
  }

  async #enterBare(bundle: TestBundle): Promise<string> {
    const id = this.isRoot ? 0 : 65534;
    return `exec ${await beside(bundle, 'app')} enter ${id} ${this.strategy.drop === undefined ? 'all' : 'few'} "$0" "$@"`;
  }

  #ownRights(): string {
    if (!this.isRoot) return unprivileged;
    // The flag changes nothing: setpriv wants one.
    return this.strategy.drop ?? '--bounding-set +sys_admin';
  }

  async start(bundle: TestBundle, launch: Launch = {}): Promise<Outcome> {
    return (await this.spawn(bundle, launch)).outcome;
  }
}

/**
 * Returns shell words that put directories of the test's own over /tmp, /var/tmp and /run: what a start leaves there, a
 * last place or a link of a relocated closure, stays from start to start and goes with the test.
 */
function ownTemporaries({ directory }: TestBundle): string {
  const inTmp = directory.startsWith('/tmp/') ? `host${directory}` : '';
  return `cd '${directory}'; mkdir -p host/tmp host/var host/run; chmod 1777 host/tmp host/var
    ${inTmp === '' ? '' : `mkdir -p '${inTmp}'; mount --bind . '${inTmp}'`}
    mount --bind host/var /var/tmp; mount --bind host/run /run; mount --rbind host/tmp /tmp`;
}

/** Whether a start takes root to make what is around it. */
function isMachine({ machine, unshare, rights, root }: Launch): boolean {
  return [machine, unshare, rights, root].some((each) => each !== undefined);
}

/** Waits until a child has printed a text; fails when it ends without. */
export function untilPrinted(child: ChildProcess, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let printed = '';
    const listen = (chunk: Buffer) => {
      printed += chunk.toString();
      if (printed.includes(text)) settle(resolve);
    };
    const end = () => settle(() => reject(new Error(`ended without ${JSON.stringify(text)}: ${printed}`)));
    const settle = (then: () => void) => {
      child.stdout?.off('data', listen);
      child.off('close', end);
      then();
    };
    child.stdout?.on('data', listen);
    child.once('close', end);
  });
}

/** Asks until a condition holds; fails when it has not within `deadlineMs`. */
export async function until(condition: () => boolean | Promise<boolean>, deadlineMs = 20_000): Promise<void> {
  const end = Date.now() + deadlineMs;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error('the condition did not come true in time');
    await delay(10);
  }
}

/** Writes a word so that a shell takes it as it is. */
export function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
