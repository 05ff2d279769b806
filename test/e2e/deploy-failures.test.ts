import { afterAll, beforeAll, expect, it } from 'vitest';
import { SaddlebagError } from '../../src/core/errors.ts';
import { describeWith } from '../helpers/needs.ts';
import { type DeployStack, startDeployStack } from '../stack/deployer.ts';

describeWith(['nomad', 'root', 'cc'], 'a deploy that fails on a real Nomad', () => {
  let stack: DeployStack;

  beforeAll(async () => {
    stack = await startDeployStack();
  });
  afterAll(() => stack?.stop());

  it.concurrent('reports a crash with exit code and stderr, and again after the same deploy', async () => {
    const artifact = stack.apps.release('1', 'exit 3 no DATABASE_URL');
    const failure = {
      code: 'deploy-failed',
      exitCode: 5,
      message:
        'cannot deploy crash: version 0 failed: task "crash" exited with code 3, 2 times, its last words: no DATABASE_URL',
      lines: expect.arrayContaining(['detail no DATABASE_URL']),
    };
    await expect(stack.deploy(artifact, { job: 'crash' })).rejects.toMatchObject(failure);
    // Nomad has no new deployment for an unchanged job: the old one's failure must not be told as news.
    await expect(stack.deploy(artifact, { job: 'crash' })).rejects.toMatchObject({
      ...failure,
      message: failure.message.replace('version 0', 'version 2'),
    });
  });

  it.concurrent('does not stop what still runs to start a failed version anew, unless forced', async () => {
    const flags = { job: 'half', count: '2', autoRevert: false };
    await stack.deploy(stack.apps.release('1', 'sleep'), flags);
    const bad = stack.apps.release('2', 'exit 3 boom');
    await expect(stack.deploy(bad, flags)).rejects.toMatchObject({ code: 'deploy-failed', exitCode: 5 });
    const before = await stack.fingerprint('half');
    await expect(stack.deploy(bad, flags)).rejects.toMatchObject({
      code: 'deploy-failed-before',
      exitCode: 5,
      message: expect.stringMatching(/version 1 is the same and failed before; .* \(1\) would be stopped/),
    });
    expect(await stack.fingerprint('half')).toEqual(before);
    await expect(stack.deploy(bad, { ...flags, force: true })).rejects.toMatchObject({
      code: 'deploy-failed',
      message: expect.stringContaining('version 3 failed'),
    });
  });

  it.concurrent('follows a revert to its end, and leaves the old version running', async () => {
    const flags = { job: 'reverted', port: ['http'] };
    await stack.deploy(stack.apps.release('1', 'serve old'), flags);
    await expect(stack.deploy(stack.apps.release('2', 'exit 4 boom'), flags)).rejects.toMatchObject({
      code: 'deploy-reverted',
      exitCode: 4,
      message:
        'cannot deploy reverted: version 1 failed: task "reverted" exited with code 4, 2 times, its last words: boom',
      hint: 'the version before runs again, as version 2; see saddlebag status reverted',
    });
    expect(await stack.fetchPage('reverted')).toBe('old');
  });

  it.concurrent('leaves what runs alone where there is nothing to fetch', async () => {
    const flags = { job: 'kept' };
    const artifact = stack.apps.release('1', 'sleep');
    await stack.deploy(artifact, flags);
    const before = await stack.fingerprint('kept');
    const gone = artifact.source.replace('web-1-', 'web-2-');
    await expect(stack.deploy(gone, { ...flags, arch: artifact.arch })).rejects.toMatchObject({
      code: 'object-missing',
      message: `cannot deploy kept: what it would fetch is not there: ${gone.split('?')[0]} answers 404`,
    });
    expect(await stack.fingerprint('kept')).toEqual(before);
  });

  it.concurrent.for([
    ['signal 11', {}, /^task "early" exited with code 139 \(SIGSEGV\), 2 times$/, /^nothing was reverted/],
    ['eat', { memory: '32' }, /^task "early" ran out of memory and was killed, 2 times$/, /^give it more/],
    ['exit 0 done', {}, /exited with code 0, 2 times, its last words: done$/, /^a service must not end/],
    ['sleep', { user: 'root' }, /^task "early": validate: running as user "root" is disallowed$/, /./],
    [
      'vanishing',
      {},
      /^task "early": failed to download artifact .*: bad response code: 404$/,
      /^publish it/,
    ],
    ['wrong sum', {}, /Checksums did not match .*Expected: 0{64} Got: [0-9a-f]{64}/, /./],
    [
      'say Running on http://127.0.0.1:5000',
      { port: ['http'], healthyDeadline: '8s' },
      /^task "early" runs, but check "http" fails: nothing accepts connections at 127\.0\.0\.1:\d+; the app says that it listens on 127\.0\.0\.1:5000: let it take its port from PORT$/,
      /./,
    ],
  ] as const)(
    'tells why %s does not come up before Nomad gives up on it',
    async ([line, flags, text, hint]) => {
      const known = stack.apps.release('1', line);
      const source = {
        vanishing: known.source.replace('/web/', '/vanishing/web/'),
        'wrong sum': known.source.replace(known.checksum, `sha256:${'0'.repeat(64)}`),
      }[line as string];
      const job = `early-${line.replace(/[^a-z0-9]+/gi, '-')}`.slice(0, 30);
      const failure = await stack
        .deploy(source ?? known, { job, task: 'early', arch: known.arch, ...flags })
        .catch((cause: unknown) => cause as SaddlebagError);
      if (!(failure instanceof SaddlebagError)) throw new Error('it came up');
      expect(failure).toMatchObject({ code: 'deploy-failed', exitCode: 5 });
      expect(failure.message.split(': ').slice(2).join(': ')).toMatch(text);
      expect(failure.hint).toMatch(hint);
      const [allocation] = (await stack.api(`/job/${job}/allocations`)) as { TaskStates: { early: Task } }[];
      // The restart policy, which alone would take 15 s, was not waited out.
      expect(
        allocation?.TaskStates.early.Events.map(({ DisplayMessage }) => DisplayMessage),
      ).not.toContainEqual(expect.stringContaining('Exceeded allowed attempts'));
    },
  );
});

/** As the API has it. */
interface Task {
  readonly Events: readonly { readonly DisplayMessage: string }[];
}
