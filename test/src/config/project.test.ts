import { chmod, chown, mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findConfigFile } from '../../../src/config/find.ts';
import { readProject } from '../../../src/config/project.ts';
import { toData } from '../../../src/config/setting.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';

/** Writes a saddlebag.hcl into a directory of its own and reads it. */
async function read(text: string) {
  const cwd = await temporaryDirectory();
  await writeFile(join(cwd, 'saddlebag.hcl'), text);
  return readProject(undefined, { cwd, env: {} });
}

/** Returns the problems of a file, without its name. */
async function problemsOf(text: string): Promise<string[]> {
  const error: unknown = await read(text).then(
    () => undefined,
    (cause: unknown) => cause,
  );
  if (error === undefined) return [];
  expect(error).toMatchObject({ code: 'config-invalid', exitCode: 2 });
  return (error as Error).message
    .split('\n')
    .map((line) => /saddlebag\.hcl:(\d+: .*)$/.exec(line)?.[1] ?? '')
    .filter((line) => line !== '');
}

describe('readProject', () => {
  it('finds the nearest file above, and none above the root of the repository', async () => {
    const top = await temporaryDirectory();
    await mkdir(join(top, 'repository/.git'), { recursive: true });
    await mkdir(join(top, 'repository/a/b'), { recursive: true });
    await writeFile(join(top, 'saddlebag.hcl'), 'app "outside" {}\n');
    const cwd = join(top, 'repository/a/b');
    await expect(readProject(undefined, { cwd, env: {} })).rejects.toMatchObject({
      code: 'config-missing',
      hint: 'write one with `saddlebag init`, or name one with --config FILE',
    });
    await writeFile(join(top, 'repository/saddlebag.hcl'), 'app "inside" {}\n');
    const project = await readProject(undefined, { cwd, env: {} });
    expect([...project.apps.keys()]).toEqual(['inside']);
    expect(project).toMatchObject({ shownFile: '../../saddlebag.hcl', directory: join(top, 'repository') });
    const named = await readProject('../../../saddlebag.hcl', { cwd, env: {} });
    expect([...named.apps.keys()]).toEqual(['outside']);
    const byVariable = { SADDLEBAG_CONFIG: join(top, 'saddlebag.hcl') };
    expect([...(await readProject(undefined, { cwd, env: byVariable })).apps.keys()]).toEqual(['outside']);
  });

  it("takes no file of another user's out of a directory that everybody may write to", async () => {
    const shared = await temporaryDirectory();
    const file = join(shared, 'saddlebag.hcl');
    await mkdir(join(shared, 'mine'));
    await writeFile(file, 'app "theirs" {}\n');
    const [owner, me] = [4711, 4712];
    // Root is trusted, so that for it the file has to be of another.
    if (process.geteuid?.() === 0) await chown(file, owner, owner);
    expect(await findConfigFile(join(shared, 'mine'), me)).toBe(file);
    await chmod(shared, 0o1777);
    await expect(findConfigFile(join(shared, 'mine'), me)).rejects.toMatchObject({
      code: 'config-untrusted',
      hint: expect.stringContaining(`--config ${file}`),
    });
    expect(await findConfigFile(join(shared, 'mine'), (await stat(file)).uid)).toBe(file);
  });

  it('takes values as HCL means them, and references that Nomad fills in as they are', async () => {
    const { apps } = await read(`
      app "web" {
        bundle { env = { A = "say \\"hi\\"\\n", "B-C" = 5 } }
        deploy {
          args     = ["--listen", "\${NOMAD_IP_http}:\${NOMAD_PORT_http}", "$\${HOME}"]
          port "http" {}
          port "admin" { static = 9000 }
          template {
            destination = "local/a"
            data        = <<-EOT
              a {{ env "X" }}
                b
            EOT
          }
          template { data = "second" }
        }
      }`);
    const app = apps.get('web');
    expect(app && toData(app)).toEqual({
      bundle: { env: { A: 'say "hi"\n', 'B-C': 5 } },
      deploy: {
        // biome-ignore lint/suspicious/noTemplateCurlyInString: Nomad fills it in
        args: ['--listen', '${NOMAD_IP_http}:${NOMAD_PORT_http}', '${HOME}'],
        port: { http: {}, admin: { static: 9000 } },
        template: [{ destination: 'local/a', data: 'a {{ env "X" }}\n  b\n' }, { data: 'second' }],
      },
    });
  });

  it('tells every problem at once, with line and path', async () => {
    const text = `store "main" {
  endpoint = 5
}
app "web" {
  store = "mian"
  bundl {}
  bundle {
    compress = "max"
    env      = { DB_PASSWORD = "hunter2" }
  }
  deploy {
    memory = 1 + 2
    env    = { A = "\${var.x}", B = upper("x"), C = word }
  }
  environment "a b" {}
  deploy {}
}`;
    expect(await problemsOf(text)).toEqual([
      '1: store.main.to: it is missing',
      '2: store.main.endpoint: expected text in quotes, got 5',
      '5: app.web.store: expected main, got "mian"',
      '6: app.web.bundl: there is no such key: did you mean bundle?',
      '8: app.web.bundle.compress: expected "fast" or "balanced" or "small", got "max"',
      expect.stringMatching(/^9: app\.web\.bundle\.env\.DB_PASSWORD: it is called like a secret/),
      '12: app.web.deploy.memory: expected a value, got 1 + 2: this file has no functions and computes nothing',
      expect.stringMatching(/^13: app\.web\.deploy\.env\.A: nothing is filled in here but what Nomad does/),
      '13: app.web.deploy.env.B: expected a value, got upper("x"): this file has no functions and computes nothing',
      '13: app.web.deploy.env.C: expected a value, got word: text stands in quotes, and this file has no variables',
      '15: app.web.environment.a b: expected letters, digits and any of . _ - as its name',
      '16: app.web.deploy: it is there already',
    ]);
  });

  it('never repeats the value of a secret', async () => {
    const told = (await problemsOf('app "a" {\n deploy {\n env = { API_TOKEN = "hunter2" }\n }\n}')).join();
    expect(told).toContain('API_TOKEN');
    expect(told).not.toContain('hunter2');
  });

  it.each([
    [
      'a secret that is none by the word of the app',
      'app "a" {\n not_secret = ["X_KEY"]\n deploy {\n env = { X_KEY = "x" }\n }\n}',
    ],
    [
      'a secret that the client fills in',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: Nomad fills it in
      'app "a" {\n deploy {\n env = { TOKEN = "${NOMAD_META_t}" }\n }\n}',
    ],
    ['an empty file', ''],
  ])('accepts %s', async (_, text) => expect(await problemsOf(text)).toEqual([]));

  it.each([
    ['app {}', '1: app: it needs a name: app "name" { … }'],
    ['app "a" {}\napp "a" {}', '2: app.a: it is there already'],
    ['app "a" {}\napp {}', '2: app: it needs a name, as the others have'],
    ['app "a" "b" {}', '1: app.a.b: a block has one label at most'],
    ['app "a" {\n  bundle "b" {}\n}', '2: app.a.bundle: this block has no label'],
    ['app "a" {\n  bundle = "b"\n}', '2: app.a.bundle: expected a block bundle { … }, got "b"'],
    ['app "a" {\n  store = "x"\n  store = "y"\n}', '3: app.a.store: it is there already'],
    [
      'app "a" {\n  deploy {\n    count = 2\n',
      '2: block deploy opens here and is never closed: its } is missing',
    ],
    ['app "a" {\n  not_secret = "X"\n}', '2: app.a.not_secret: expected a list of texts: ["…"], got "X"'],
    ['services {}', '1: services: there is no such key: expected store, app'],
  ])('refuses %j', async (text, problem) => expect(await problemsOf(text)).toContain(problem));

  it('says why a file cannot be read', async () => {
    const cwd = await temporaryDirectory();
    await expect(readProject('nothing.hcl', { cwd, env: {} })).rejects.toMatchObject({
      code: 'config-unreadable',
      message: `cannot read ${join(cwd, 'nothing.hcl')}: no such file or directory`,
    });
  });
});
