import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Context } from '../../src/core/context.ts';
import { describeWith } from '../helpers/needs.ts';
import { type AppServer, startAppServer } from '../stack/app-server.ts';
import { type Deployed, deployTo } from '../stack/deployer.ts';
import { type NomadCluster, startLoneNomad, startNomadCluster } from '../stack/nomad-cluster.ts';

/** Reports like any other, and does something when a line says so for the first time. */
function once(
  what: RegExp,
  act: () => Promise<void>,
): { reporter: Context['reporter']; done: Promise<void> } {
  const { promise: done, resolve } = Promise.withResolvers<void>();
  let seen = false;
  const reporter: Context['reporter'] = {
    report: (event) => {
      if (seen || !('message' in event) || !what.test(event.message)) return;
      seen = true;
      resolve(act());
    },
  };
  return { reporter, done };
}

const isStarted = /: Started: Task started/;

describeWith(['nomad', 'root', 'cc'], 'a watch while Nomad itself is disturbed', () => {
  let apps: AppServer;
  beforeAll(async () => {
    apps = await startAppServer();
  });
  afterAll(() => apps?.stop());

  /** Deploys what is good and then what crashes, and disturbs Nomad in the midst of each. */
  async function expectRightVerdicts(
    { address }: NomadCluster,
    disturb: readonly [() => Promise<void>, () => Promise<void>],
  ): Promise<void> {
    const deploy = async (line: string, act: () => Promise<void>): Promise<Deployed> => {
      const { reporter, done } = once(isStarted, act);
      const flags = { job: 'web', minHealthyTime: '8s' };
      const deployed = deployTo(address, apps.release('1', line), flags, { reporter });
      const [outcome] = await Promise.allSettled([deployed, done]);
      if (outcome.status === 'rejected') throw outcome.reason;
      return outcome.value;
    };
    expect((await deploy('sleep', disturb[0])).release).toMatchObject({ jobVersion: 0, status: 'healthy' });
    await expect(deploy('later 1500 3', disturb[1])).rejects.toMatchObject({
      code: 'deploy-reverted',
      exitCode: 4,
      message: expect.stringContaining('exited with code 3'),
    });
  }

  describe('of three servers', () => {
    let nomad: NomadCluster;
    beforeAll(async () => {
      nomad = await startNomadCluster();
    });
    afterAll(() => nomad?.stop());

    it('the one that leads is killed', async () => {
      // Two of three go on; of two, none would.
      await expectRightVerdicts(nomad, [() => nomad.killLeader(), async () => undefined]);
    });
  });

  describe('the only agent', () => {
    let nomad: NomadCluster;
    beforeAll(async () => {
      nomad = await startLoneNomad();
    });
    afterAll(() => nomad?.stop());

    it('is stopped and started again', async () => {
      await expectRightVerdicts(nomad, [() => nomad.restartClient(), () => nomad.restartClient()]);
    });
  });
});
