import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../../helpers/port.ts';
import { fetchPage, talk, untilUp } from './clients.ts';
import {
  kinds,
  prepareDebuggee,
  prepareGo,
  prepareJar,
  prepareKinds,
  prepareNpmProject,
  prepareRepository,
} from './prepare.ts';
import { bashScript, flaskApp, gdbArguments, perlScript, rubyScript, vimScript } from './scripts.ts';
import { serveNginx, serveShared } from './servers.ts';
import type { Stage } from './stage.ts';

/** A program that no one here wrote, and a job for it. */
export interface ProgramCase {
  readonly name: string;
  /** The Debian packages that it comes from. */
  readonly packages: string;
  /** Programs of this machine, without which the case is skipped. */
  readonly tools: readonly string[];
  /** Name of each program of the job → its file on this machine and the arguments of `saddlebag bundle`. */
  readonly programs: Readonly<Record<string, BundledProgram>>;
  /** In words, for the table. */
  readonly does: string;
  /** Makes what all jobs need, once, in a directory that every place can read. */
  readonly prepare?: (directory: string) => Promise<void>;
  /** Does the job and returns what must be the same everywhere. */
  readonly job: (stage: Stage, shared: string) => Promise<string>;
}

/** A program of a job; `{shared}` in it stands for the directory that `prepare` filled. */
export interface BundledProgram {
  readonly file: string;
  /** Of `saddlebag bundle`, behind the program. */
  readonly args?: readonly string[];
}

const bin = (name: string, args: readonly string[] = []): Record<string, BundledProgram> => ({
  [name]: { file: `/usr/bin/${name}`, args },
});

/** The jobs, from the simple to the demanding; another program is another row. */
export const programCases: readonly ProgramCase[] = [
  {
    name: 'jq',
    packages: 'jq',
    tools: ['jq'],
    programs: bin('jq'),
    does: 'filters JSON with a regular expression and a date',
    job: ({ run }) =>
      run('jq', ['-c', '[.[] | select(test("^[ä-ü]")) | ascii_downcase, (86400 | todate)]'], {
        input: '["über","Auto","äh"]',
      }),
  },
  {
    name: 'bash',
    packages: 'bash',
    tools: ['bash'],
    programs: bin('bash', ['--with', 'locales']),
    does: 'counts and changes UTF-8 characters',
    job: ({ run }) => run('bash', ['-c', bashScript], { env: { LC_ALL: 'C.UTF-8' } }),
  },
  {
    name: 'less',
    packages: 'less',
    tools: ['less', 'script'],
    programs: bin('less', ['--with', 'terminfo']),
    does: 'shows a file on a terminal, with what terminfo says of it',
    prepare: (directory) =>
      writeFile(join(directory, 'text'), 'a page\nwith b\bbold and _\bunderlined words\n'),
    job: ({ run }, shared) =>
      run('less', ['-E', join(shared, 'text')], {
        terminal: true,
        env: { TERM: 'xterm', LESSHISTFILE: '-' },
      }),
  },
  {
    name: 'file',
    packages: 'file',
    tools: ['file'],
    programs: bin('file'),
    does: 'tells an archive, a picture, a program and a text by their magic',
    prepare: prepareKinds,
    job: ({ run }, shared) =>
      run('file', ['--uncompress', '--brief', ...kinds.map((kind) => join(shared, kind))]),
  },
  {
    name: 'gdb',
    packages: 'gdb',
    tools: ['gdb', 'gcc'],
    programs: bin('gdb'),
    does: 'stops a program at a line, shows its stack, asks its own Python',
    prepare: prepareDebuggee,
    job: async ({ run }, shared) => {
      const shown = await run('gdb', [...gdbArguments, join(shared, 'debuggee')]);
      return shown.replaceAll(/process \d+/g, 'process');
    },
  },
  {
    name: 'vim',
    packages: 'vim vim-runtime',
    tools: ['vim'],
    programs: { vim: { file: '/usr/bin/vim' } },
    does: 'edits a file and turns it into HTML with its own runtime files',
    job: async ({ run, work }) => {
      await run('vim', ['-Nes', '-u', 'NONE', 'a.c'], { input: vimScript, env: { TERM: 'dumb' } }).catch(
        // In this mode vim ends with 1 for messages that it would only show.
        () => undefined,
      );
      return readFile(join(work, 'out.html'), 'utf8');
    },
  },
  {
    name: 'perl',
    packages: 'perl',
    tools: ['perl'],
    programs: bin('perl'),
    does: 'JSON, digests (a compiled module), Unicode names, encodings',
    job: ({ run }) => run('perl', ['-CS', '-Mutf8', '-e', perlScript]),
  },
  {
    name: 'ruby',
    packages: 'ruby',
    tools: ['ruby'],
    programs: bin('ruby', ['--with', 'locales']),
    does: 'JSON, digests (compiled modules), ERB, YAML',
    job: ({ run }) => run('ruby', ['-e', rubyScript], { env: { LC_ALL: 'C.UTF-8' } }),
  },
  {
    name: 'python3 and Flask',
    packages: 'python3 python3-flask',
    tools: ['python3'],
    programs: { app: { file: '{shared}/app.py' } },
    does: 'serves a page made from a template',
    prepare: (directory) => writeFile(join(directory, 'app.py'), flaskApp, { mode: 0o755 }),
    job: async ({ serve }) => {
      const port = await freePort();
      serve('app', [String(port)]);
      return fetchPage(`http://127.0.0.1:${port}/J%C3%BCrgen`);
    },
  },
  {
    name: 'node and an npm project',
    packages: 'nodejs npm',
    tools: ['node', 'npm'],
    programs: {
      app: { file: '{shared}/project', args: ['--entrypoint', 'index.js', '--name', 'project'] },
    },
    does: 'runs a project with installed dependencies',
    prepare: prepareNpmProject,
    job: ({ run }) => run('app', ['--greet', 'Jürgen']),
  },
  {
    name: 'java',
    packages: 'openjdk-17-jre-headless',
    tools: ['java', 'javac', 'jar'],
    programs: bin('java'),
    does: 'runs a jar: locale, time zone, digest, compression',
    prepare: prepareJar,
    job: ({ run }, shared) => run('java', ['-Dfile.encoding=UTF-8', '-jar', join(shared, 'app.jar')]),
  },
  {
    name: 'a static Go program',
    packages: 'golang-go',
    tools: ['go'],
    programs: { app: { file: '{shared}/app' } },
    does: 'prints its own path’s kind, the time in a zone, a digest',
    prepare: prepareGo,
    job: ({ run }) => run('app', []),
  },
  {
    name: 'shellcheck (Haskell)',
    packages: 'shellcheck',
    tools: ['shellcheck'],
    programs: bin('shellcheck', ['--with', 'locales']),
    does: 'checks a script with UTF-8 in it',
    prepare: (directory) => writeFile(join(directory, 'script.sh'), '#!/bin/sh\necho „$1“ $grüße\n'),
    job: async ({ run }, shared) =>
      run(
        'shellcheck',
        ['--exclude=SC2086,SC2154,SC1110,SC2016', '--format=json', join(shared, 'script.sh')],
        {
          env: { LC_ALL: 'C.UTF-8' },
        },
      ),
  },
  {
    name: 'pandoc (Haskell)',
    packages: 'pandoc',
    tools: ['pandoc'],
    programs: bin('pandoc', ['--with', 'locales']),
    does: 'turns Markdown into a stand-alone page, UTF-8 in and out',
    job: ({ run }) =>
      run('pandoc', ['-s', '--metadata', 'title=Grüße', '-t', 'html'], {
        input: '# Über\n\n*世界* – „ja“\n',
        env: { LC_ALL: 'C.UTF-8' },
      }),
  },
  {
    name: 'hledger (Haskell)',
    packages: 'hledger',
    tools: ['hledger'],
    programs: bin('hledger', ['--with', 'locales,terminfo']),
    does: 'a balance in several currencies',
    job: ({ run }) =>
      run('hledger', ['-f', '-', 'balance'], {
        input: '2024-01-01 Bücher\n  ausgaben:bücher  10 €\n  kasse\n',
        env: { LC_ALL: 'C.UTF-8' },
      }),
  },
  {
    name: 'ffmpeg',
    packages: 'ffmpeg',
    tools: ['ffmpeg'],
    programs: bin('ffmpeg'),
    does: 'encodes H.264, decodes it again, digest of each frame',
    job: async ({ run }) => {
      const source = ['-f', 'lavfi', '-i', 'testsrc=duration=1:size=160x120:rate=5'];
      await run('ffmpeg', ['-loglevel', 'error', '-threads', '1', ...source, '-c:v', 'libx264', 'a.mp4']);
      return run('ffmpeg', ['-loglevel', 'error', '-i', 'a.mp4', '-f', 'framemd5', '-']);
    },
  },
  {
    name: 'ImageMagick',
    packages: 'imagemagick',
    tools: ['convert'],
    programs: { convert: { file: '/usr/bin/convert' } },
    does: 'draws, resizes and converts an image, PNG to JPEG',
    job: async ({ run }) => {
      await run('convert', ['-size', '64x64', 'gradient:red-blue', '-resize', '50%', 'a.png']);
      await run('convert', ['a.png', '-quality', '80', 'a.jpg']);
      return run('convert', ['a.jpg', '-format', '%m %wx%h %#', 'info:-']);
    },
  },
  {
    name: 'curl',
    packages: 'curl',
    tools: ['curl', 'openssl', 'git'],
    programs: bin('curl'),
    does: 'fetches over HTTPS from a server with a private CA',
    prepare: prepareRepository,
    job: ({ run }, shared) =>
      serveShared(shared, (url, ca) => run('curl', ['-sS', '--cacert', ca, '-D', '-', `${url}/HEAD`])),
  },
  {
    name: 'git',
    packages: 'git',
    tools: ['git', 'openssl'],
    programs: bin('git'),
    does: 'clones over HTTPS from a server with a private CA, shows the log',
    prepare: prepareRepository,
    job: ({ run, work }, shared) =>
      serveShared(shared, async (url, ca) => {
        await run('git', ['clone', '-q', url, 'clone'], { env: { GIT_SSL_CAINFO: ca } });
        const log = await run('git', ['-C', 'clone', 'log', '--stat', '--format=%H %s %an']);
        return log + (await readFile(join(work, 'clone/file'), 'utf8'));
      }),
  },
  {
    name: 'nginx',
    packages: 'nginx-light',
    tools: ['nginx'],
    programs: { nginx: { file: '/usr/sbin/nginx' } },
    does: 'serves a file, compressed, with its type from mime.types',
    job: serveNginx,
  },
  {
    name: 'redis',
    packages: 'redis-server',
    tools: ['redis-server'],
    programs: bin('redis-server'),
    does: 'keeps a value, runs a Lua script',
    job: async ({ serve }) => {
      const port = await freePort();
      serve('redis-server', ['--port', String(port), '--save', '']);
      return talk(port, ['SET a 1', 'INCR a', 'EVAL "return redis.sha1hex(\'x\')" 0', 'QUIT']);
    },
  },
  {
    name: 'postgres',
    packages: 'postgresql-15',
    tools: ['/usr/lib/postgresql/15/bin/initdb'],
    programs: {
      initdb: { file: '/usr/lib/postgresql/15/bin/initdb', args: ['--with', 'nss'] },
      postgres: { file: '/usr/lib/postgresql/15/bin/postgres', args: ['--with', 'nss'] },
      psql: { file: '/usr/lib/postgresql/15/bin/psql' },
    },
    does: 'initdb, a server, a query with text, a digest and a time zone',
    job: async ({ run, serve, work }) => {
      const port = await freePort();
      await run('initdb', ['-D', 'data', '-U', 'me', '-E', 'UTF8', '--locale=C.UTF-8', '-N']);
      serve('postgres', ['-D', 'data', '-p', String(port), '-k', work, '-c', 'listen_addresses=127.0.0.1']);
      const url = `postgresql://me@127.0.0.1:${port}/postgres`;
      const query = `select upper('grüße'), md5('x'),
        '2024-07-01 12:00+00'::timestamptz at time zone 'Europe/Berlin'`;
      return untilUp(() => run('psql', ['-X', '-A', '-c', query, url]));
    },
  },
];
