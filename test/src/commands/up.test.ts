import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Confirm } from '../../../src/commands/nomad-session.ts';
import { runUp, type UpFlags } from '../../../src/commands/up/up.ts';
import { testContext } from '../../helpers/context.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';

const file = `app "web" {
  bundle { source = "./nothing" }
  environment "prod" {
    confirm = true
    deploy { address = "http://nomad.example.org:4646" }
  }
}
app "api" {
  deploy { memory = "512MB" }
}
`;

/** Runs \`up\` where nothing can be bundled, and returns what it failed with. */
async function failure(
  flags: UpFlags,
  { apps = ['web'], confirm = null }: { apps?: string[]; confirm?: Confirm } = {},
) {
  const cwd = await temporaryDirectory();
  await writeFile(join(cwd, 'saddlebag.hcl'), file);
  const context = testContext({ cwd });
  const cause: unknown = await runUp({ apps, flags, confirm }, context).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(await readdir(cwd)).toEqual(['saddlebag.hcl']);
  return cause as Error & { code: string };
}

describe('saddlebag up', () => {
  it('tells what is wrong with a job before it bundles anything', async () => {
    expect(await failure({}, { apps: [] })).toMatchObject({
      code: 'config-invalid',
      message:
        'cannot use saddlebag.hcl:9: app.api.deploy.memory: expected MiB as a whole number of at least 10, got "512MB"',
    });
  });

  it('tells of the file, the store and the job at once', async () => {
    const cwd = await temporaryDirectory();
    const text = `store "main" {
  to       = "s3:/bundles"
  endpoint = "minio:9000"
  labels   = { Team = "a" }
}
app "web" {
  job_file = "web.nomad.hcl"
  colour   = "red"
  deploy { timeout = "5 minutes" }
}
app "api" {
  deploy {
    memroy = 1
    count  = 1 + 1
    update { canary = "one" }
  }
}
`;
    await writeFile(join(cwd, 'saddlebag.hcl'), text);
    const run = runUp({ apps: [], flags: {}, confirm: null }, testContext({ cwd }));
    const told = await run.then(String, String);
    expect(told.split('\n').map((line) => /hcl:(\d+: [^:]*: .*)$/.exec(line)?.[1] ?? '')).toEqual([
      '',
      '2: store.main.to: cannot publish to s3:/bundles: two slashes come after s3:',
      '3: store.main.endpoint: cannot use minio:9000 of endpoint: its scheme is neither http nor https',
      expect.stringMatching(/^4: store\.main\.labels: .*small letters/),
      '7: app.web.job_file: cannot read job file web.nomad.hcl: no such file or directory',
      expect.stringMatching(/^8: app\.web\.colour: there is no such key/),
      '9: app.web.deploy.timeout: expected a duration like 5m, up to 500h',
      '13: app.api.deploy.memroy: there is no such setting: memory?',
      expect.stringMatching(/^14: app\.api\.deploy\.count: expected a value, got 1 \+ 1/),
      expect.stringMatching(/^15: app\.api\.deploy\.update\.canary: expected a whole number/),
    ]);
  });

  it('wants one of several stores to be named, in the file or by SADDLEBAG_STORE', async () => {
    const cwd = await temporaryDirectory();
    const stores = 'store "a" { to = "./a" }\nstore "b" { to = "./b" }\n';
    await writeFile(join(cwd, 'saddlebag.hcl'), `${stores}app "web" {}\n`);
    const run = (env: Record<string, string>) =>
      runUp({ apps: [], flags: { dryRun: true }, confirm: null }, testContext({ cwd, env }));
    await expect(run({})).rejects.toMatchObject({
      code: 'config-invalid',
      message: 'cannot use saddlebag.hcl:3: app.web: it names none of the stores: store = "a" or "b"',
    });
    await expect(run({ SADDLEBAG_STORE: 'www' })).rejects.toMatchObject({
      code: expect.not.stringMatching(/^(config-invalid|store-missing)$/),
    });
  });

  it('asks for the agent before it bundles anything', async () => {
    const cwd = await temporaryDirectory();
    await writeFile(join(cwd, 'saddlebag.hcl'), 'app "web" {\n  bundle { source = "./nothing" }\n}\n');
    const env = { SADDLEBAG_STORE: 'www', NOMAD_ADDR: `unix://${cwd}/none.sock` };
    const run = (flags: UpFlags) => runUp({ apps: [], flags, confirm: null }, testContext({ cwd, env }));
    // Seconds go by at each look at the clock: patience with an agent that starts is used up at the first failure.
    let nowMs = 0;
    const clock = vi.spyOn(Date, 'now').mockImplementation(() => (nowMs += 10_000));
    onTestFinished(() => clock.mockRestore());
    await expect(run({})).rejects.toMatchObject({ code: 'nomad-unreachable' });
    await expect(run({ dryRun: true })).rejects.toThrow('nothing');
  });

  it('asks where the environment wants it, and takes no silence for yes', async () => {
    expect(await failure({ environment: 'prod' })).toMatchObject({
      code: 'not-confirmed',
      exitCode: 2,
      message:
        'cannot deploy web to prod (http://nomad.example.org:4646): it wants to be confirmed, and nobody can be asked here',
    });
    const asked: string[] = [];
    const no: Confirm = async (question) => {
      asked.push(question);
      return false;
    };
    expect(await failure({ environment: 'prod' }, { confirm: no })).toMatchObject({
      code: 'not-confirmed',
      exitCode: 1,
    });
    expect(asked).toEqual(['deploy web to prod (http://nomad.example.org:4646)?']);
  });

  it.each([{ yes: true }, { plan: true }, { dryRun: true }])('does not ask with %j', async (flags) => {
    expect(await failure({ environment: 'prod', ...flags })).toMatchObject({ code: 'store-missing' });
  });

  it('refuses options that exclude each other', async () => {
    expect(await failure({ dryRun: true, plan: true })).toMatchObject({
      code: 'flags-conflict',
      hint: 'see saddlebag up --help',
    });
  });
});
