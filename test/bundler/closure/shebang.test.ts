import { describe, expect, it } from 'vitest';
import { renderShebang } from '../../../bundler/closure/script.ts';
import { interpreterOfScript, parseShebang, replaceShebang } from '../../../bundler/closure/shebang.ts';

describe('parseShebang', () => {
  it.each([
    ['#!/bin/sh\necho', '/bin/sh', '', null, ''],
    ['#! /bin/sh -e -u \r\n', '/bin/sh', '-e -u', null, ''],
    ['#!/usr/bin/env node\n', '/usr/bin/env', 'node', 'node', ''],
    ['#!/usr/bin/env -S node --a "b c"\n', '/usr/bin/env', '-S node --a "b c"', 'node', '--a "b c"'],
    ['#!/usr/bin/env --split-string=perl -w', '/usr/bin/env', '--split-string=perl -w', 'perl', '-w'],
    ['#!/usr/bin/env -i node\n', '/usr/bin/env', '-i node', null, ''],
    ['#!/usr/bin/env A=b node\n', '/usr/bin/env', 'A=b node', null, ''],
    ['#!/usr/bin/env\n', '/usr/bin/env', '', null, ''],
  ])('takes %j apart', (text, interpreter, argument, command, commandArguments) => {
    expect(parseShebang(text)).toEqual({ interpreter, argument, command, commandArguments });
  });

  it.each(['', '#', '#!\n/bin/sh', 'echo #!/bin/sh', ' #!/bin/sh'])('finds none in %j', (text) => {
    expect(parseShebang(text)).toBeNull();
  });
});

describe('renderShebang', () => {
  it('keeps the arguments, behind env -S where it is given', () => {
    const plain = parseShebang('#!/bin/sh -eu\n');
    const split = parseShebang('#!/usr/bin/env -S node --a --b\n');
    if (plain === null || split === null) throw new Error('not parsed');
    expect(renderShebang(plain, '/s/sh', null)).toBe('/s/sh -eu');
    expect(renderShebang(split, '/s/node', '/s/env')).toBe('/s/env -S /s/node --a --b');
  });
});

describe('replaceShebang', () => {
  it('keeps every other byte', () => {
    const script = Buffer.concat([Buffer.from('#!/bin/sh\n'), Buffer.from([0xff, 0x00, 0x0a])]);
    expect(replaceShebang(script, '/s/sh')).toEqual(
      Buffer.concat([Buffer.from('#!/s/sh\n'), Buffer.from([0xff, 0x00, 0x0a])]),
    );
    expect(replaceShebang(Buffer.from('#!/bin/sh'), '/s/sh').toString()).toBe('#!/s/sh\n');
  });
});

describe('interpreterOfScript', () => {
  const store = '/nix/store/3avl8jb9mmnlrlw6am06ljb4i2knnib6';
  it.each([
    ['its own program', '#!/usr/bin/python3.11 -I\n', 'python3.11'],
    ['what env looks up', '#!/usr/bin/env -S node --x\n', 'node'],
    ['a shell that runs nothing else', '#!/bin/sh\necho hi\n', 'sh'],
    [
      'what a wrapper execs',
      `#!${store}-bash/bin/bash\nexec -a app ${store}-p/bin/python3.11 -c x "$@"\n`,
      'python3.11',
    ],
    [
      'what a wrapper execs in quotes',
      `#!${store}-bash/bin/bash -e\nexec "${store}-n/bin/node" "$@"`,
      'node',
    ],
    ['the last of two', `#!/bin/sh\n[ x ] && exec ${store}-p/bin/perl x\nexec ${store}-r/bin/ruby`, 'ruby'],
    [
      'a shell that only mentions one',
      `#!/bin/bash\nexport X=${store}-p/bin/python3\nexec ${store}-x/bin/tool`,
      'bash',
    ],
    ['no name that only begins alike', `#!/bin/bash\nexec ${store}-n/bin/node-gyp`, 'bash'],
  ])('names %s', (_, text, expected) => {
    expect(interpreterOfScript(text)).toBe(expected);
  });

  it('is null for anything else', () => {
    expect(interpreterOfScript('\x7fELF')).toBeNull();
  });
});
