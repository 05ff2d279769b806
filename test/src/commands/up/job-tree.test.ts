import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readJobSettings } from '../../../../deploy/job/parse-job-settings.ts';
import { jobProblems, jobTreeOf } from '../../../../src/commands/up/job-tree.ts';
import { appInForce } from '../../../../src/config/in-force.ts';
import { readProject } from '../../../../src/config/project.ts';
import { temporaryDirectory } from '../../../helpers/temporary.ts';

async function appOf(body: string, environment: string | null = null, env: Record<string, string> = {}) {
  const cwd = await temporaryDirectory();
  await writeFile(join(cwd, 'saddlebag.hcl'), `app "web" {\n${body}\n}\n`);
  const project = await readProject(undefined, { cwd, env });
  return { app: appInForce(project, { app: 'web', environment }, env), project };
}

async function settingsOf(body: string, environment: string | null = null) {
  const { app, project } = await appOf(body, environment);
  const bundle = { name: 'web', arch: null, interpreter: null, imageSettings: null };
  const { settings, problems } = readJobSettings(jobTreeOf(app, project), bundle);
  expect(problems).toEqual([]);
  return settings;
}

async function problemsOf(body: string, environment: string | null = null, env: Record<string, string> = {}) {
  const { app, project } = await appOf(body, environment, env);
  return jobProblems(app, project);
}

describe('jobTreeOf', () => {
  it('makes a job of one group, called after the app', async () => {
    const settings = await settingsOf(
      'deploy {\n  memory = 64\n  address = "http://nomad:4646"\n timeout = "5m"\n}',
    );
    expect(settings).toMatchObject({ id: 'web', groups: [{ name: 'web', tasks: [{ name: 'web' }] }] });
    expect(settings.groups[0]?.tasks[0]?.resources.memory).toBe(64);
  });

  it('makes a group of each process, over the settings that all share', async () => {
    const settings = await settingsOf(`
      deploy {
        memory    = 64
        namespace = "shop"
        env       = { LOG = "info" }
        update { max_parallel = 2 }
      }
      process "web" {
        count = 2
        port "http" {}
      }
      process "worker" {
        args    = ["work"]
        program = "worker"
        env     = { LOG = "debug" }
      }`);
    expect(settings).toMatchObject({
      id: 'web',
      namespace: 'shop',
      update: { maxParallel: 2 },
      groups: [
        { name: 'web', count: 2, tasks: [{ args: [], env: { LOG: 'info' }, resources: { memory: 64 } }] },
        {
          name: 'worker',
          services: [],
          tasks: [{ name: 'worker', fileName: 'worker', args: ['work'], env: { LOG: 'debug' } }],
        },
      ],
    });
  });

  it('runs what is to run before in every group', async () => {
    const { groups } = await settingsOf(`
      deploy { memory = 64 }
      process "web" {}
      process "worker" {}
      process "migrate" {
        run  = "before"
        args = ["migrate"]
      }`);
    expect(groups.map(({ name }) => name)).toEqual(['web', 'worker']);
    for (const group of groups) {
      expect(group.tasks).toMatchObject([
        {
          name: 'migrate',
          lifecycle: { hook: 'prestart', sidecar: false },
          args: ['migrate'],
          resources: { memory: 64 },
        },
        { name: group.name, lifecycle: null, args: [] },
      ]);
    }
  });

  it('lays an environment over all of it', async () => {
    const body = `
      deploy {
        count = 1
        port "http" {}
        env = { A = "1", B = "2" }
      }
      environment "prod" {
        deploy {
          count = 3
          port "http" { static = 80 }
          env = { B = "3" }
        }
      }`;
    expect(await settingsOf(body, 'prod')).toMatchObject({
      groups: [{ count: 3, network: { ports: [{ static: 80 }] }, tasks: [{ env: { A: '1', B: '3' } }] }],
    });
    expect(await settingsOf(body)).toMatchObject({ groups: [{ count: 1 }] });
  });
});

describe('jobProblems', () => {
  it('lets nothing shape a job beside its own file', async () => {
    const body = `  job_file = "web.nomad.hcl"
  deploy {
    address = "http://nomad:4646"
    count   = 2
  }
  process "worker" {}`;
    expect(await problemsOf(body)).toEqual([
      'saddlebag.hcl:5: app.web.deploy.count: the job file says what the job is',
      'saddlebag.hcl:7: app.web.process.worker: the job file says what the job is',
    ]);
  });

  it('names file, line and path, wherever the value came from', async () => {
    const body = `  deploy {
    memory  = "512MB"
    memroy  = 5
    port "http" { to = 0 }
  }
  process "web" {}
  process "worker" { cpu = -1 }
  environment "prod" {
    deploy { count = "many" }
  }`;
    expect(await problemsOf(body, 'prod', { NOMAD_NAMESPACE: 'no such!' })).toEqual(
      expect.arrayContaining([
        'saddlebag.hcl:3: app.web.deploy.memory: expected MiB as a whole number of at least 10, got "512MB"',
        'saddlebag.hcl:4: app.web.deploy.memroy: there is no such setting: memory?',
        expect.stringMatching(/^saddlebag\.hcl:5: app\.web\.deploy\.port\.http\.to: /),
        'saddlebag.hcl:8: app.web.process.worker.cpu: expected MHz as a whole number of at least 1, got -1',
        'saddlebag.hcl:10: app.web.environment.prod.deploy.count: expected a whole number from 0 to 100000, got "many"',
        'app.web.deploy.namespace (from NOMAD_NAMESPACE): expected letters, digits and -, got "no such!"',
      ]),
    );
  });
});
