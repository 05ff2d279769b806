import { readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { constants } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { ownDirectory } from '../bundles.ts';
import { debug } from '../machine.ts';
import { until, untilPrinted } from './cell.ts';
import { describeCases } from './harness.ts';
import { beside } from './programs.ts';
import { staticBundle } from './trees.ts';

const terminal = fileURLToPath(new URL('../../../fixtures/runtime/terminal.py', import.meta.url));
const signalNumber = (name: NodeJS.Signals): number => constants.signals[name];

describeCases('Process', (runCase) => {
  runCase(31, 'the app has the PID of the start and no child to wait for', {}, async (cell) => {
    const bundle = await cell.bundle(
      'echo $$ $PPID; read children < /proc/$$/task/$$/children; echo "[$children]"',
    );
    for (const _ of ['cold', 'warm']) {
      const outcome = await cell.start(bundle);
      expect(outcome).toMatchObject({ code: 0, stdout: `${outcome.pid} ${process.pid}\n[]\n`, stderr: '' });
    }
  });

  runCase(32, 'every exit code from 0 to 255 is the app’s', {}, async (cell) => {
    const bundle = await cell.bundle('exit $1');
    const script =
      'i=0; while [ $i -lt 256 ]; do c=0; "$0" $i || c=$?; [ $c = $i ] || echo $i: $c; i=$((i + 1)); done; exit 9';
    expect(await cell.start(bundle, { before: script })).toMatchObject({ code: 9, stdout: '', stderr: '' });
  });

  runCase(32, 'death by a signal is seen as such', {}, async (cell) => {
    const bundle = await cell.bundle('kill -$1 $$');
    for (const name of ['SIGKILL', 'SIGTERM', 'SIGABRT', 'SIGSEGV'] as const) {
      const outcome = await cell.start(bundle, { args: [name.slice(3)], before: 'ulimit -c 0' });
      expect(outcome).toMatchObject({ code: null, signal: name });
    }
  });

  runCase(33, 'TERM INT HUP QUIT USR1 USR2 WINCH TSTP CONT arrive', { needs: ['gcc'] }, async (cell) => {
    const names = ['INT', 'HUP', 'QUIT', 'USR1', 'USR2', 'WINCH', 'TSTP', 'CONT', 'TERM'] as const;
    const bundle = await staticBundle(cell);
    const { child, outcome } = await cell.spawn(bundle, { args: ['signals'] });
    await untilPrinted(child, 'ready');
    for (const name of names) {
      const arrived = untilPrinted(child, `${name}\n`);
      child.kill(`SIG${name}`);
      await arrived;
    }
    expect((await outcome).code).toBe(3);
  });

  runCase(33, '^Z, fg and ^C on a terminal', { needs: ['python3', 'gcc'] }, async (cell) => {
    const bundle = await staticBundle(cell, { args: ['terminal'] });
    const script = await readFile(terminal, 'utf8');
    await writeFile(join(bundle.directory, 'terminal.py'), script);
    const outcome = await cell.start(bundle, {
      before: `exec python3 '${bundle.directory}/terminal.py' "$0"`,
    });
    expect(outcome.stderr).toBe('');
    expect(outcome.stdout).toContain(`stopped by ${signalNumber('SIGTSTP')}\n`);
    expect(outcome.stdout).toContain(`ended by ${signalNumber('SIGINT')}\n`);
  });

  runCase(
    33,
    'ignored and blocked signals are inherited as they are',
    { needs: ['env', 'gcc'] },
    async (cell) => {
      const bundle = await staticBundle(cell, { args: ['masks'] });
      const before = 'exec env --block-signal=USR1 --ignore-signal=HUP "$0"';
      const alone = await cell.start(bundle, {
        before: `${before.replace('"$0"', await beside(bundle, 'app'))} masks`,
      });
      const cold = await cell.start(bundle, { before });
      expect(cold.stdout).toBe(alone.stdout);
      const ignored = BigInt(`0x${/SigIgn:\s*(\w+)/.exec(cold.stdout)?.[1]}`);
      const blocked = BigInt(`0x${/SigBlk:\s*(\w+)/.exec(cold.stdout)?.[1]}`);
      expect(ignored & (1n << BigInt(signalNumber('SIGHUP') - 1))).not.toBe(0n);
      expect(blocked & (1n << BigInt(signalNumber('SIGUSR1') - 1))).not.toBe(0n);
      expect((await cell.start(bundle, { before: 'exec nohup "$0"' })).stdout).toMatch(
        /SigIgn:\s*0*[13579bdf]\n/,
      );
    },
  );

  runCase(
    34,
    'as PID 1 of a PID namespace the app gets the signal that ends it',
    { notFor: { lazy: 'refused as PID 1, which its server would stay a child of' }, needs: ['gcc'] },
    async (cell) => {
      const bundle = await staticBundle(cell);
      const unshare = ['--pid', '--fork', '--mount-proc'];
      const { child, outcome } = await cell.spawn(bundle, { unshare, args: ['wait'] });
      await untilPrinted(child, 'ready');
      const first = await readFile(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8');
      process.kill(Number(first.trim()), 'SIGTERM');
      expect((await outcome).code).toBe(7);
    },
  );

  runCase(35, '1 GB on standard input arrives', {}, async (cell) => {
    const bundle = await cell.bundle('wc -c');
    const outcome = await cell.start(bundle, { before: 'head -c 1000000000 /dev/zero | "$0"; exit 9' });
    expect(outcome).toMatchObject({ code: 9, stdout: '1000000000\n', stderr: '' });
  });

  runCase(35, 'closed descriptors stay closed, and none leaks', { needs: ['gcc'] }, async (cell) => {
    const bundle = await staticBundle(cell);
    const alone = await cell.start(bundle, { before: `exec ${await beside(bundle, 'app')} fds` });
    for (const closing of ['', '<&-', '<&- 2>&-', '2>&-']) {
      const closed: string[] = closing
        .split(' ')
        .map((each) => (each === '<&-' ? '0' : each === '2>&-' ? '2' : ''));
      const left = alone.stdout.split(' ').filter((each) => !closed.includes(each));
      for (const round of ['cold', 'warm']) {
        const before = `${closing === '' ? 'true' : `exec ${closing}`}`;
        if (round === 'cold') await rm(join(bundle.cache, 'store'), { recursive: true, force: true });
        const outcome = await cell.start(bundle, { args: ['fds'], before, env: debug });
        expect(outcome).toMatchObject({ code: 0, stdout: left.join(' ') });
      }
    }
    const outcome = await cell.start(bundle, { before: 'c=0; "$0" >&- || c=$?; exit $((c + 10))' });
    expect(outcome).toMatchObject({ code: 11, stderr: '' });
  });

  runCase(35, 'a reader that leaves ends the app by SIGPIPE', {}, async (cell) => {
    const bundle = await cell.bundle('exec yes');
    const outcome = await cell.start(bundle, {
      before: '{ c=0; "$0" || c=$?; echo $c >&2; } | head -1; exit 0',
    });
    expect(outcome).toMatchObject({ stdout: 'y\n', stderr: '141\n' });
  });

  runCase(35, 'RLIMIT_NOFILE of 256, and of 20', {}, async (cell) => {
    const members = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`d${i % 9}/${i}`, `${i}\n`]));
    for (const limit of [256, 20]) {
      const bundle = await cell.bundle('ulimit -n', { members });
      const outcome = await cell.start(bundle, { before: `ulimit -n ${limit}` });
      expect(outcome).toMatchObject({ code: 0, stdout: `${limit}\n`, stderr: '' });
    }
  });

  runCase(36, 'a start without any argument, not even a name', { needs: ['gcc'] }, async (cell) => {
    const bundle = await staticBundle(cell);
    const app = await beside(bundle, 'app');
    const outcome = await cell.start(bundle, { before: `exec ${app} empty "$0"` });
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    expect(outcome.stdout).toBe(`${outcome.pid} ${cell.isRoot ? '0:0' : '65534:65534'}\ndata\n`);
  });

  runCase(36, '2 MB of arguments', { needs: ['gcc'] }, async (cell) => {
    const bundle = await staticBundle(cell, { args: ['count'] });
    const app = await beside(bundle, 'app');
    const outcome = await cell.start(bundle, { before: `exec ${app} many "$0"` });
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    expect(outcome.stdout).toBe(`18 ${16 * 120_000 + bundle.file.length + 'count'.length}\n`);
  });

  runCase(36, '--help --version --extract -- and empty arguments are the app’s', {}, async (cell) => {
    const bundle = await cell.bundle('for a in "$@"; do echo "<$a>"; done', { args: ['--own', ''] });
    const args = ['--help', '--version', '--extract', '', '--', '--saddlebag-info', 'a b\n', '*'];
    expect((await cell.start(bundle, { args })).stdout).toBe(
      ['--own', '', ...args].map((each) => `<${each}>\n`).join(''),
    );
  });

  runCase(37, 'a working directory that was deleted', {}, async (cell) => {
    const bundle = await cell.bundle('echo started; ls -A');
    const parent = await ownDirectory(bundle.directory, 'parent');
    const before = `mkdir ${parent}/gone && cd ${parent}/gone && rmdir ${parent}/gone`;
    expect(await cell.start(bundle, { before })).toMatchObject({ code: 0, stdout: 'started\n' });
  });

  runCase(37, 'a working directory that the user may not read', {}, async (cell) => {
    const bundle = await cell.bundle('cat file');
    const parent = await ownDirectory(bundle.directory, 'parent');
    const before = `mkdir -p ${parent}/closed/work; cd ${parent}/closed/work; echo here > file; chmod 0 ..`;
    expect(await cell.start(bundle, { before })).toMatchObject({ code: 0, stdout: 'here\n' });
  });

  runCase(38, 'a daemon’s child reads the payload after its parent is gone', {}, async (cell) => {
    const bundle = await cell.bundle(
      `(while [ ! -e "$1/go" ]; do sleep 0.05; done; cat "$(dirname "$0")/../share/text" > "$1/got") >/dev/null 2>&1 &`,
      { members: { 'share/text': 'still here\n' } },
    );
    const shared = await ownDirectory(bundle.directory, 'shared');
    const outcome = await cell.start(bundle, { args: [shared], before: 'umask 0' });
    expect(outcome).toMatchObject({ code: 0, stdout: '', stderr: '' });
    await writeFile(join(shared, 'go'), '');
    await until(async () => (await readFile(join(shared, 'got'), 'utf8').catch(() => '')) === 'still here\n');
  });

  runCase(39, 'an app that closes every descriptor and makes a session', {}, async (cell) => {
    const bundle = await cell.bundle(
      `exec setsid /bin/sh -c 'exec <&- >&- 2>&-; cat "$1/../share/text" > "$0/got"' "$1" "$(dirname "$0")"`,
      { members: { 'share/text': 'read\n' } },
    );
    const shared = await ownDirectory(bundle.directory, 'shared');
    await cell.start(bundle, { args: [shared] });
    await until(async () => (await readFile(join(shared, 'got'), 'utf8').catch(() => '')) === 'read\n');
  });

  const notAs = { user: 'chroot takes CAP_SYS_CHROOT' };
  runCase(39, 'an app that calls chroot', { notAs, needs: ['chroot'] }, async (cell) => {
    const bundle = await cell.bundle('exec chroot / cat "$(dirname "$0")/../share/text"', {
      members: { 'share/text': 'read\n' },
    });
    expect(await cell.start(bundle)).toMatchObject({ code: 0, stdout: 'read\n', stderr: '' });
  });

  runCase(
    36,
    'the name by which the start was called is the app’s first argument',
    { needs: ['bash', 'gcc'] },
    async (cell) => {
      const bundle = await staticBundle(cell, { args: ['count'] });
      const link = join(bundle.directory, 'another-name');
      await symlink(bundle.file, link);
      for (const name of ['short', '-login', link]) {
        const outcome = await cell.start(bundle, { before: `exec bash -c 'exec -a "$1" "$0"' "$0" ${name}` });
        expect(outcome.stdout).toBe(`2 ${name.length + 'count'.length}\n`);
      }
    },
  );
});
