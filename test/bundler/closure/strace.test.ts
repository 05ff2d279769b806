import { describe, expect, it } from 'vitest';
import { parseStrace } from '../../../bundler/closure/strace.ts';
import { collectUsed } from '../../../bundler/closure/trace.ts';
import { shelfOf } from '../../../bundler/closure/traced.ts';

describe('parseStrace', () => {
  it.each([
    [
      'openat(AT_FDCWD</home/me>, "/etc/a", O_RDONLY|O_CLOEXEC) = 3</etc/a>',
      { kind: 'open', path: '/etc/a' },
    ],
    ['openat(AT_FDCWD</home/me>, "b/../c", O_RDONLY) = 3</home/me/c>', { kind: 'open', path: '/home/me/c' }],
    ['openat(4</usr/share>, "d", O_RDONLY) = 5</usr/share/d>', { kind: 'open', path: '/usr/share/d' }],
    ['open("/etc/old", O_RDONLY) = 3</etc/old>', { kind: 'open', path: '/etc/old' }],
    ['openat2(AT_FDCWD</>, "/a", {flags=O_RDONLY, resolve=0}, 24) = 3</a>', { kind: 'open', path: '/a' }],
    [
      'openat(AT_FDCWD</>, "/t\\303\\244\\"\\\\\\n\\1x", O_RDONLY) = 3</x>',
      { kind: 'open', path: '/tä"\\\n\u0001x' },
    ],
    [
      'execve("/usr/bin/a", ["a", "= 3"], 0x7ffd /* 20 vars */) = 0',
      { kind: 'start', path: '/usr/bin/a', real: '/usr/bin/a' },
    ],
    ['clone(child_stack=NULL, flags=SIGCHLD) = 4711', { kind: 'child', pid: 4711 }],
    ['clone3({flags=CLONE_VM}, 88) = 12', { kind: 'child', pid: 12 }],
    ['vfork() = 13', { kind: 'child', pid: 13 }],
  ])('reads %s', (line, event) => {
    expect(parseStrace(`${line}\n`)).toEqual([event]);
  });

  it.each([
    'openat(AT_FDCWD</>, "/log", O_WRONLY|O_CREAT, 0666) = 3</log>',
    'openat(AT_FDCWD</>, "/etc", O_RDONLY|O_DIRECTORY) = 3</etc>',
    '+++ exited with 0 +++',
    '',
  ])('passes over %s', (line) => {
    expect(parseStrace(line)).toEqual([]);
  });
});

describe('what traced processes used', () => {
  it('is found where a process has the number of an earlier one, from which it descends', () => {
    const open = (path: string) => ({ kind: 'open', path }) as const;
    const child = (pid: number) => ({ kind: 'child', pid }) as const;
    const processes = new Map([
      [1, [open('/a'), child(2)]],
      [2, [open('/b'), child(3), open('/d')]],
      [3, [open('/c'), child(2)]],
    ]);
    expect(collectUsed(processes, '/app').opened).toEqual(['/a', '/b', '/c', '/d']);
  });
});

describe('shelfOf', () => {
  it.each([
    ['/usr/share/vim/vim90/syntax/c.vim', '/usr/share/vim'],
    ['/usr/lib/x86_64-linux-gnu/gconv/UTF-16.so', '/usr/lib/x86_64-linux-gnu/gconv'],
    ['/usr/local/lib/app/plugin.so', '/usr/local/lib/app'],
    ['/lib/terminfo/x/xterm', '/lib/terminfo'],
    ['/etc/mime.types', '/etc/mime.types'],
    ['/etc/ssl/openssl.cnf', '/etc/ssl'],
    ['/srv/data', '/srv/data'],
  ])('keeps %s on %s', (file, shelf) => {
    expect(shelfOf(file)).toBe(shelf);
  });
});
