import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execProcess } from '../../../src/core/exec.ts';
import { freePort } from '../../helpers/port.ts';
import { ask, fetchPage, talk } from './clients.ts';
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

export interface BundledProgram {
  readonly file: string;
  readonly args?: readonly string[];
}

const bin = (name: string, args: readonly string[] = []): Record<string, BundledProgram> => ({
  [name]: { file: `/usr/bin/${name}`, args },
});

/** `{shared}` in files and arguments is the directory that `prepare` filled. */
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
    programs: bin('bash', ['--include', '/usr/lib/locale/C.utf8']),
    does: 'counts and changes UTF-8 characters',
    job: ({ run }) => run('bash', ['-c', bashScript], { env: { LC_ALL: 'C.UTF-8' } }),
  },
  {
    name: 'less',
    packages: 'less',
    tools: ['less', 'script'],
    programs: bin('less', ['--include', '/lib/terminfo']),
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
    programs: bin('ruby', ['--include', '/usr/lib/locale/C.utf8']),
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
    programs: bin('shellcheck', ['--include', '/usr/lib/locale/C.utf8']),
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
    programs: bin('pandoc', ['--include', '/usr/lib/locale/C.utf8']),
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
    programs: bin('hledger', ['--include', '/usr/lib/locale/C.utf8', '--include', '/lib/terminfo']),
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
    programs: { nginx: { file: '/usr/sbin/nginx', args: ['--include', '/etc/nginx'] } },
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
      initdb: { file: '/usr/lib/postgresql/15/bin/initdb' },
      postgres: { file: '/usr/lib/postgresql/15/bin/postgres' },
      psql: { file: '/usr/lib/postgresql/15/bin/psql' },
    },
    does: 'initdb, a server, a query in PL/pgSQL',
    job: async ({ run, serve, work }) => {
      const port = await freePort();
      await run('initdb', ['-D', 'data', '-U', 'me', '-E', 'UTF8', '--locale=C.UTF-8', '-N']);
      serve('postgres', ['-D', 'data', '-p', String(port), '-k', work, '-c', 'listen_addresses=127.0.0.1']);
      await ask(port);
      const url = `postgresql://me@127.0.0.1:${port}/postgres`;
      return run('psql', [
        '-X',
        '-A',
        '-c',
        "select upper('grüße'), md5('x'), '2024-07-01 12:00+00'::timestamptz at time zone 'Europe/Berlin'",
        url,
      ]);
    },
  },
];

const vimScript = `runtime plugin/tohtml.vim
call append(0, "int main(void) { return 0; } // ü")
set ft=c encoding=utf-8
syntax on
TOhtml
w! out.html
qall!
`;

const bashScript = `s='Grüße, 世界'; echo "\${#s} \${s^^} \${s:7}"; printf '%q\\n' "$s"`;

const perlScript = `use JSON::PP; use Digest::SHA 'sha256_hex'; use POSIX 'strftime'; use Encode; use charnames ();
print JSON::PP->new->canonical->pretty->encode({name => charnames::viacode(0xfc), at => strftime('%F', gmtime 0),
  sum => sha256_hex(encode('UTF-16LE', 'ü')), inc => scalar(grep { -d } @INC) > 0 ? 1 : 0}), uc 'grüße', "\\n";`;

const rubyScript = `require 'json'; require 'digest'; require 'erb'; require 'yaml'; require 'set'; require 'socket'
puts JSON.pretty_generate(sum: Digest::SHA256.hexdigest('ü'), page: ERB.new('<%= 6 * 7 %>').result, up: 'grüße'.upcase)
puts({ 'a' => [1, nil] }.to_yaml, 'ü'.encode('UTF-16LE').bytes.inspect)`;

const flaskApp = `#!/usr/bin/python3
import ctypes, hashlib, json, sqlite3, ssl, sys
from flask import Flask, render_template_string
app = Flask(__name__)
@app.get('/<name>')
def greet(name):
    row = sqlite3.connect(':memory:').execute('select upper(?)', (name,)).fetchone()
    return render_template_string('<p>Hello {{ name|upper }}, {{ row }} {{ sum }}</p>', name=name, row=row[0],
                                  sum=hashlib.blake2b(name.encode()).hexdigest())
app.run(port=int(sys.argv[1]))
`;

async function prepareNpmProject(directory: string): Promise<void> {
  const project = join(directory, 'project');
  await mkdir(project);
  const commander = join(directory, 'commander');
  await cp(new URL('../../../node_modules/commander', import.meta.url), commander, {
    recursive: true,
    dereference: true,
  });
  const dependencies = { commander: 'file:../commander' };
  await writeFile(
    join(project, 'package.json'),
    JSON.stringify({ name: 'project', type: 'module', dependencies }),
  );
  await writeFile(
    join(project, 'index.js'),
    `#!/usr/bin/env node
import { createHash } from 'node:crypto';
import { brotliCompressSync } from 'node:zlib';
import { program } from 'commander';
const { greet } = program.option('--greet <name>').parse().opts();
console.log(greet.toLocaleUpperCase('de'), createHash('sha256').update(greet).digest('hex'));
console.log(new Intl.DateTimeFormat('de', { dateStyle: 'full', timeZone: 'Europe/Berlin' }).format(0));
console.log(brotliCompressSync(greet).toString('hex'));
`,
    { mode: 0o755 },
  );
  await must('npm', ['install', '--install-links', '--offline', '--no-audit', '--no-fund'], project);
}

async function prepareJar(directory: string): Promise<void> {
  const source = `import java.security.MessageDigest; import java.time.*; import java.util.*;
public class App { public static void main(String[] a) throws Exception {
  var digest = MessageDigest.getInstance("SHA-256").digest("ü".getBytes("UTF-8"));
  System.out.println(HexFormat.of().formatHex(digest));
  System.out.println(ZonedDateTime.of(2024, 7, 1, 12, 0, 0, 0, ZoneId.of("Europe/Berlin")).toInstant());
  System.out.println(String.format(Locale.GERMANY, "%,.2f", 1234567.891));
  System.out.println(javax.net.ssl.SSLContext.getDefault().getProtocol());
  var zip = new java.util.zip.CRC32(); zip.update(digest); System.out.println(zip.getValue());
} }`;
  await writeFile(join(directory, 'App.java'), source);
  await must('javac', ['-encoding', 'UTF-8', 'App.java'], directory);
  await must('jar', ['--create', '--file', 'app.jar', '--main-class', 'App', 'App.class'], directory);
}

async function prepareGo(directory: string): Promise<void> {
  const source = `package main
import ("crypto/sha256"; "fmt"; "os"; "path/filepath"; "time"; _ "time/tzdata")
func main() {
  zone, err := time.LoadLocation("Europe/Berlin"); self, _ := os.Executable()
  fmt.Println(time.Unix(0, 0).In(zone), err, filepath.IsAbs(self)); fmt.Printf("%x\\n", sha256.Sum256([]byte("ü")))
}`;
  await writeFile(join(directory, 'main.go'), source);
  const env = { ...process.env, CGO_ENABLED: '0', GOCACHE: join(directory, 'go-cache'), GO111MODULE: 'off' };
  await must('go', ['build', '-o', 'app', 'main.go'], directory, env);
}

/** Makes a repository that any server of files can serve, and a server certificate with its own CA. */
async function prepareRepository(directory: string): Promise<void> {
  const git = (args: readonly string[]) =>
    must('git', ['-c', 'user.name=Jürgen', '-c', 'user.email=j@example.org', ...args], directory);
  await git(['init', '-q', 'source']);
  await writeFile(join(directory, 'source/file'), 'Grüße\n');
  await git(['-C', 'source', 'add', 'file']);
  await git(['-C', 'source', 'commit', '-q', '-m', 'say grüße']);
  await git(['clone', '-q', '--bare', 'source', 'repository']);
  await git(['-C', 'repository', 'update-server-info']);
  const openssl = (args: readonly string[]) => must('openssl', args, directory);
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  await openssl(['req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=Test CA']);
  const name = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  await openssl([
    'req',
    '-x509',
    ...key,
    '-CA',
    'ca.pem',
    '-CAkey',
    'ca.key',
    '-keyout',
    'tls.key',
    '-out',
    'tls.pem',
    ...name,
  ]);
}

async function serveShared<T>(shared: string, use: (url: string, ca: string) => Promise<T>): Promise<T> {
  const { serveFiles } = await import('./clients.ts');
  await using server = await serveFiles(join(shared, 'repository'), join(shared, 'tls'));
  return await use(server.url, join(shared, 'ca.pem'));
}

async function serveNginx({ serve, work }: Stage): Promise<string> {
  const port = await freePort();
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const config = `daemon off; pid nginx.pid; error_log stderr; events {}
http { include /etc/nginx/mime.types; access_log off; gzip on; gzip_types text/css; gzip_min_length 1;
${temporary.map((name) => `${name}_temp_path ${name};`).join('\n')}
server { listen 127.0.0.1:${port}; root ${work}; } }`;
  await writeFile(join(work, 'nginx.conf'), config);
  await writeFile(join(work, 'a.css'), 'p { color: red }\n'.repeat(20));
  serve('nginx', ['-p', work, '-c', join(work, 'nginx.conf'), '-e', 'stderr']);
  return fetchPage(`http://127.0.0.1:${port}/a.css`, ['content-type', 'content-encoding']);
}

async function must(
  file: string,
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<void> {
  const result = await execProcess(file, args, { cwd, env });
  if (result.exitCode !== 0) throw new Error(`${file} ${args.join(' ')}: ${result.failure ?? result.stderr}`);
}
