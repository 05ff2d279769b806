import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { describeWith } from '../../helpers/needs.ts';
import { makeBundle, start, startChild, type TestBundle, withCache } from './bundles.ts';
import { dropRights, machineTools } from './machine.ts';
import { isSanitized } from './under-test.ts';

/** Bundles a script that runs under the small init, or not. */
const makeWith = (init: boolean, script: string) => makeBundle(script, { entrypoint: { init } });

const asFirst = `/usr/bin/unshare -pf --mount-proc ${dropRights}`;

/** Starts a bundle as PID 1 of a PID namespace; the child is `unshare`, which waits for it outside and ends likewise. */
function startAsFirst(bundle: TestBundle) {
  return startChild('/bin/sh', {
    ...withCache(bundle),
    args: ['-c', `exec ${asFirst} ${bundle.file}`],
    asSelf: true,
  });
}

type Child = ReturnType<typeof startAsFirst>['child'];

/** Waits for more output. */
async function hear(child: Child): Promise<string> {
  return String((await once(child.stdout, 'data'))[0]);
}

/** The id, as we see it, of the one child of a process. */
function childOf(pid: number | undefined): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim());
}

/** The id of PID 1 as we see it. */
const firstOf = (child: Child): number => childOf(child.pid);

describeWith(machineTools, 'as PID 1', () => {
  it('an app without handlers is deaf', async () => {
    const { child, outcome } = startAsFirst(await makeWith(false, 'echo up; exec sleep 60'));
    await hear(child);
    process.kill(firstOf(child), 'SIGTERM');
    process.kill(firstOf(child), 'SIGKILL');
    const { code, signal } = await outcome;
    expect([code, signal]).not.toContain(143);
    expect([code, signal]).not.toContain('SIGTERM');
  });

  it('an app without handlers ends at once under the init', async () => {
    const { child, outcome } = startAsFirst(await makeWith(true, 'echo up; exec sleep 60'));
    await hear(child);
    process.kill(firstOf(child), 'SIGTERM');
    expect(await outcome).toMatchObject({ code: 143, signal: null, stderr: '' });
  });

  it('the init forwards signals', async () => {
    const names = ['HUP', 'INT', 'QUIT', 'USR1', 'USR2', 'WINCH', 'ABRT', 'ALRM', 'TSTP', 'SEGV'] as const;
    const traps = names.map((name) => `trap 'echo ${name}' ${name}`).join('\n');
    const script = `${traps}\ntrap 'exit 3' TERM\necho up\nsleep 60 &\nwhile :; do wait; done`;
    const { child, outcome } = startAsFirst(await makeWith(true, script));
    expect(await hear(child)).toBe('up\n');
    for (const name of names) {
      process.kill(firstOf(child), `SIG${name}`);
      expect(await hear(child)).toBe(`${name}\n`);
    }
    process.kill(firstOf(child), 'SIGTERM');
    expect(await outcome).toMatchObject({ code: 3 });
  });

  it('the init lets the app be stopped and go on', async () => {
    const { child, outcome } = startAsFirst(
      await makeWith(true, 'echo up; trap "echo on" CONT; kill -STOP $$; exit 4'),
    );
    await hear(child);
    const app = childOf(firstOf(child));
    await expect.poll(() => readFileSync(`/proc/${app}/stat`, 'utf8')).toMatch(/\) T /);
    process.kill(firstOf(child), 'SIGCONT');
    expect(await outcome).toMatchObject({ code: 4 });
  });

  it('the init reaps orphans', async () => {
    const script =
      'orphan=$(sh -c "sleep 0 >&- & echo \\$!"); while [ -e /proc/$orphan ]; do :; done; echo reaped';
    const { outcome } = startAsFirst(await makeWith(true, script));
    expect(await outcome).toMatchObject({ code: 0, stdout: 'reaped\n' });
  });

  it.each([
    ['exit 7', 7],
    ['kill -SEGV $$', 139],
    ['kill -KILL $$', 137],
  ])('the init ends as the app does: %s', async (script, code) => {
    expect(await startAsFirst(await makeWith(true, script)).outcome).toMatchObject({ code, signal: null });
  });

  it('the init holds no descriptor and little memory', async () => {
    const { child, outcome } = startAsFirst(await makeWith(true, 'echo up; exec sleep 60'));
    await hear(child);
    const first = `/proc/${firstOf(child)}`;
    // The app may be quicker. It takes the name last.
    await expect
      .poll(() => readFileSync(`${first}/comm`, 'utf8'), { timeout: 20_000 })
      .toBe('saddlebag-init\n');
    const status = readFileSync(`${first}/status`, 'utf8');
    expect(readdirSync(`${first}/fd`)).toEqual([]);
    expect(Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1])).toBeLessThan(isSanitized ? 16_384 : 512);
    expect(status).toMatch(/^Threads:\s+1$/m);
    process.kill(firstOf(child), 'SIGTERM');
    await outcome;
  });

  it('the app leads a process group of its own', async () => {
    const { outcome } = startAsFirst(
      await makeWith(true, 'read _ _ _ _ group _ < /proc/$$/stat; echo $$ $group'),
    );
    expect((await outcome).stdout).toMatch(/^([2-9]) \1\n$/);
  });

  it('says that the program is not there', async () => {
    const bundle = await makeBundle('', {
      members: { 'bin/app': { executable: '#!/no/such/interpreter\n' } },
      entrypoint: { init: true },
    });
    const outcome = await startAsFirst(bundle).outcome;
    expect(outcome).toMatchObject({ code: 127 });
    expect(outcome.stderr).toMatch(/^app: cannot run .*\/bin\/app: no such file/);
  });
});

describeWith([...machineTools, 'script'], 'as PID 1 at a terminal', () => {
  /** Starts a bundle as PID 1 of a PID namespace at a terminal of its own, and types. */
  async function atTerminal(bundle: TestBundle, keys: string) {
    const { child, outcome } = startChild('/usr/bin/script', {
      ...withCache(bundle),
      args: ['-qec', `${asFirst} ${bundle.file}`, '/dev/null'],
      asSelf: true,
      keepInput: true,
    });
    await hear(child);
    child.stdin.write(keys);
    return outcome;
  }

  it('the app has it, and is interrupted from it', async () => {
    const script = `trap 'echo interrupted; exit 5' INT
      read _ _ _ _ group _ _ foreground _ < /proc/$$/stat; echo "[$((group == foreground && group == $$))]"
      while :; do read line; done`;
    const outcome = await atTerminal(await makeWith(true, script), '\u0003');
    expect(outcome.stdout).toMatch(/^\[1\]\r\n.*interrupted\r\n$/s);
    expect(outcome.code).toBe(5);
  });
});

describe('anywhere else', () => {
  it('a bundle with an init is the app itself', async () => {
    const outcome = await start(await makeWith(true, 'echo $$; kill -TERM $$'));
    expect(outcome).toMatchObject({ stdout: `${outcome.pid}\n`, code: null, signal: 'SIGTERM' });
  });
});
