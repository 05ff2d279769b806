import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { execProcess } from '../../../src/core/exec.ts';

/** Makes a project with a dependency that npm installs from a directory. */
export async function prepareNpmProject(directory: string): Promise<void> {
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

/** Compiles a class into a jar. */
export async function prepareJar(directory: string): Promise<void> {
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

/** Builds a static program. */
export async function prepareGo(directory: string): Promise<void> {
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

/** What `prepareKinds` makes. */
export const kinds = ['picture', 'archive', 'program', 'text', 'script'] as const;

/** Writes files of several kinds. */
export async function prepareKinds(directory: string): Promise<void> {
  const picture = '89504e470d0a1a0a0000000d494844520000012c000000c80806000000';
  const program = '7f454c460201010000000000000000000200b7000100000000100000000000004000000000000000';
  const contents: Readonly<Record<(typeof kinds)[number], Buffer>> = {
    picture: Buffer.from(picture, 'hex'),
    archive: gzipSync('%PDF-1.7\n'),
    program: Buffer.from(program.padEnd(128, '0'), 'hex'),
    text: Buffer.from('Grüße\r\n'),
    script: Buffer.from('#!/usr/bin/env python3\nprint(1)\n'),
  };
  for (const kind of kinds) await writeFile(join(directory, kind), contents[kind]);
}

/** Compiles a static program with what a debugger wants to know. */
export async function prepareDebuggee(directory: string): Promise<void> {
  const source = `struct point { int x, y; };
static int sum(struct point point) {
  return point.x + point.y;
}
int main(void) { return sum((struct point){40, 2}) - 42; }
`;
  await writeFile(join(directory, 'debuggee.c'), source);
  await must('gcc', ['-g', '-O0', '-static', '-o', 'debuggee', 'debuggee.c'], directory);
}

/** Makes a repository that any server of files can serve, and a server certificate with its own CA. */
export async function prepareRepository(directory: string): Promise<void> {
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

async function must(
  file: string,
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<void> {
  const result = await execProcess(file, args, { cwd, env });
  if (result.exitCode !== 0) throw new Error(`${file} ${args.join(' ')}: ${result.failure ?? result.stderr}`);
}
