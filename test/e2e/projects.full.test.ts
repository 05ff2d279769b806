import { chmod, chown, copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { execProcess } from '../../src/core/exec.ts';
import type { Bundle } from '../../src/core/types.ts';
import { saddlebagJson } from '../helpers/cli.ts';
import { type Member, writeTree } from '../helpers/closures.ts';
import { describeWith, findTool } from '../helpers/needs.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';

const nobody = 65534;

/**
 * Runs a bundle as an ordinary user on a root that holds it, a few devices, and nothing else.
 */
async function runAlone(bundle: string, args: readonly string[] = []): Promise<string> {
  const root = await temporaryDirectory();
  await chown(root, nobody, nobody);
  for (const name of ['proc', 'tmp', 'dev/shm']) await mkdir(join(root, name), { recursive: true });
  for (const name of ['tmp', 'dev/shm']) await chmod(join(root, name), 0o1777);
  await writeFile(join(root, 'dev/null'), '');
  await chmod(join(root, 'dev/null'), 0o666);
  await copyFile(bundle, join(root, 'app'));
  const enter = `mount --bind /proc "$0/proc" && exec chroot --userspec ${nobody}:${nobody} "$0" /app "$@"`;
  const inRoot = ['--mount', '--propagation', 'private', 'sh', '-c', enter, root, ...args];
  const result = await execProcess('unshare', inRoot, {
    env: { PATH: process.env.PATH },
    timeoutMs: 120_000,
  });
  expect(result.exitCode, result.stderr).toBe(0);
  return result.stdout;
}

async function must(file: string, args: readonly string[], cwd: string): Promise<string> {
  const { exitCode, stdout, stderr } = await execProcess(file, args, { cwd, timeoutMs: 600_000 });
  expect(exitCode, stderr).toBe(0);
  return stdout;
}

async function project(members: Readonly<Record<string, Member>>): Promise<string> {
  const directory = await temporaryDirectory();
  await writeTree(directory, members);
  return directory;
}

async function bundle(directory: string, ...flags: string[]): Promise<Bundle> {
  const output = join(await temporaryDirectory(), 'app');
  return saddlebagJson<Bundle>(['bundle', directory, '-o', output, '--compress', 'fast', ...flags], {
    timeoutMs: 900_000,
  });
}

/** Whether an index answers, asked by the tool that would use it; the reason is printed where not. */
async function reaches(name: string, file: string, args: readonly string[]): Promise<boolean> {
  const cwd = '/tmp';
  if (
    findTool(file) !== undefined &&
    (await execProcess(file, args, { cwd, timeoutMs: 60_000 })).exitCode === 0
  ) {
    return true;
  }
  process.stderr.write(`skipped: projects of ${name}: its index does not answer\n`);
  return false;
}

const probe = await mkdtemp(join(tmpdir(), 'saddlebag-test-'));
const hasPyPi = await reaches('Python', 'pip', ['download', '-q', '--no-deps', '-d', probe, 'click==8.1.7']);
const hasNpm = await reaches('Node', 'npm', ['view', 'express@5.1.0', 'version']);
await rm(probe, { recursive: true, force: true });

// A server of gunicorn with two workers, asked over loopback, and a native module that finds its own libraries.
const flaskJob = `import re, signal, subprocess, sys, urllib.request
import numpy
from app import app
server = subprocess.Popen([sys.executable, '-m', 'gunicorn', '-w', '2', '-b', '127.0.0.1:0', 'app:app'],
                          stderr=subprocess.PIPE, text=True)
url = next(match[0] for match in (re.search(r'http://\\S+', line) for line in server.stderr) if match)
print(urllib.request.urlopen(url).read().decode().strip())
server.send_signal(signal.SIGTERM)
print(server.wait())
print(numpy.linalg.inv(numpy.array([[2.0, 0.0], [0.0, 4.0]])).tolist())
`;

const expressJob = `const express = require('express');
const app = express();
app.get('/sum/:a/:b', (request, response) => response.json({ sum: Number(request.params.a) + Number(request.params.b) }));
const server = app.listen(0, '127.0.0.1', async () => {
  const answer = await fetch(\`http://127.0.0.1:\${server.address().port}/sum/2/3\`);
  console.log(answer.status, answer.headers.get('content-type'), await answer.text());
  server.close();
});
`;

describeWith(['root', 'unshare', 'chroot'], 'projects from their indexes', () => {
  describe.skipIf(!hasPyPi)('Python', () => {
    it('serves Flask by gunicorn and computes with numpy as it does natively, the same bytes twice', async () => {
      const directory = await project({
        'requirements.txt': 'flask==3.1.2\ngunicorn==23.0.0\nnumpy==2.2.6\n',
        'app.py': `from flask import Flask\napp = Flask(__name__)\n@app.get('/')\ndef index():\n    return {'said': 'moin'}\n`,
        'job.py': flaskJob,
      });
      const native = await temporaryDirectory();
      await must('python3', ['-m', 'venv', native], directory);
      await must(join(native, 'bin/pip'), ['install', '-q', '-r', 'requirements.txt'], directory);
      const expected = await must(join(native, 'bin/python'), ['job.py'], directory);
      expect(expected).toBe('{"said":"moin"}\n0\n[[0.5, 0.0], [0.0, 0.25]]');

      const flags = ['--python', '--entrypoint', 'job.py', '--name', 'job'];
      const first = await bundle(directory, ...flags);
      expect(await runAlone(first.file)).toBe(expected);
      const second = await bundle(directory, ...flags);
      expect(second.sha256).toBe(first.sha256);
    });

    it.each(['uv', 'poetry'])('obeys the lock of %s', async (tool) => {
      const place = await temporaryDirectory();
      await must('python3', ['-m', 'venv', place], '/tmp');
      await must(join(place, 'bin/pip'), ['install', '-q', tool], '/tmp');
      const PATH = `${place}/bin:${process.env.PATH}`;
      const directory = await project({
        'pyproject.toml': `[project]\nname = "app"\nversion = "1.0"\ndescription = "An app."\nrequires-python = ">=3.9"\ndependencies = ["markupsafe==2.1.5"]\n
[project.scripts]\napp = "app:main"\n
[build-system]\nrequires = ["flit_core"]\nbuild-backend = "flit_core.buildapi"\n
[[tool.poetry.source]]\nname = "simple"\nurl = "https://pypi.org/simple/"\npriority = "primary"\n`,
        'app.py': `"""An app."""\nimport markupsafe\ndef main():\n    print(markupsafe.__version__, markupsafe.escape('<'), bool(markupsafe._speedups))\n`,
      });
      await must(join(place, 'bin', tool), ['lock', '-q'], directory);
      const output = join(await temporaryDirectory(), 'app');
      const flags = ['--compress', 'fast', '-o', output];
      const bundled = await saddlebagJson<Bundle>(['bundle', directory, ...flags], {
        env: { ...process.env, PATH },
        timeoutMs: 900_000,
      });
      expect(bundled).toMatchObject({ source: 'python', name: 'app', appVersion: '1.0' });
      expect(await runAlone(output)).toBe('2.1.5 &lt; True');
    });
  });

  it.skipIf(!hasNpm)('answers with Express as it does natively, the same bytes twice', async () => {
    const directory = await project({
      'package.json': JSON.stringify({
        name: 'sum',
        version: '1.0.0',
        scripts: { start: 'node server.js' },
        dependencies: { express: '5.1.0', bufferutil: '4.0.8' },
        devDependencies: { ms: '2.1.3' },
      }),
      'server.js': `console.log(typeof require('bufferutil').mask);\n${expressJob}`,
    });
    await must('npm', ['install', '--package-lock-only', '--no-audit'], directory);
    const first = await bundle(directory);
    const second = await bundle(directory);
    expect(second.sha256).toBe(first.sha256);
    await must('npm', ['ci', '--omit=dev', '--no-audit'], directory);
    const expected = await must('node', ['server.js'], directory);
    expect(expected).toContain('{"sum":5}');
    expect(await runAlone(first.file)).toBe(expected);
  });
});
