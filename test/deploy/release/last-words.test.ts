import { describe, expect, it } from 'vitest';
import { lastWords } from '../../../deploy/release/last-words.ts';

describe('lastWords', () => {
  it.each([
    ['a plain sentence', ['starting', 'error: DATABASE_URL is not set'], 'error: DATABASE_URL is not set'],
    [
      'Go',
      [
        'panic: open /etc/web.toml: no such file or directory',
        'goroutine 1 [running]:',
        'main.(*server).start(...)',
        '\t/src/main.go:21',
        'main.main()',
        '\t/src/main.go:16 +0x7b3',
        'exit status 2',
      ],
      'panic: open /etc/web.toml: no such file or directory',
    ],
    [
      'Go, for a signal',
      [
        'SIGSEGV: segmentation violation',
        'PC=0x408c6e m=0 sigcode=0',
        'goroutine 1 gp=0x8ce786021e0 m=0 mp=0x8f7e80 [syscall]:',
        'syscall.Syscall(0x3e, 0x1, 0xb, 0x0)',
        '\tsyscall/syscall_linux.go:73 +0x25',
        'rax    0x0',
        'r15    0xffffffffffffffff',
        'rflags 0x202',
        'gs     0x0',
      ],
      'SIGSEGV: segmentation violation',
    ],
    [
      'Node',
      [
        'node:internal/modules/cjs/loader:1210',
        '  throw err;',
        '  ^',
        "Error: Cannot find module './config'",
        'Require stack:',
        '- /app/server.js',
        '    at Module._resolveFilename (node:internal/modules/cjs/loader:1207:15) {',
        "  code: 'MODULE_NOT_FOUND',",
        '}',
        'Node.js v24.1.0',
      ],
      "Error: Cannot find module './config'",
    ],
    [
      'Java',
      [
        'Exception in thread "main" java.lang.RuntimeException: cannot start',
        '\tat web.Main.main(Main.java:5)',
        'Caused by: java.io.FileNotFoundException: web.properties',
        '\t... 1 more',
      ],
      'Caused by: java.io.FileNotFoundException: web.properties',
    ],
    [
      'Python',
      ['Traceback (most recent call last):', '  File "a.py", line 1, in <module>', "KeyError: 'PORT'"],
      "KeyError: 'PORT'",
    ],
    [
      'Rust',
      [
        "thread 'main' panicked at src/main.rs:2:5:",
        'no database',
        'note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace',
      ],
      'no database',
    ],
    ['nothing but frames', ['\tat a', '\tat b'], 'at b'],
  ])('finds what %s says above its stack', (_, lines, words) => expect(lastWords(lines)).toBe(words));

  it('says nothing of a log without lines', () => expect(lastWords([])).toBeUndefined());
});
