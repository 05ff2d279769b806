import { describe, expect, it } from 'vitest';
import { bundleHints } from '../../../deploy/artifact/bundle-hints.ts';
import { type JobFlags, treeOfFlags } from '../../../deploy/job/job-flags.ts';
import { imageKillSignal, imagePort } from '../../../deploy/job/settings/image.ts';
import { parseFlags, sampleArtifact, sampleJobSpec } from '../sample.ts';

const image = (changes: object = {}) => ({ user: null, ports: [], stopSignal: null, ...changes });

describe('an image', () => {
  it.each([
    ['SIGQUIT', 'SIGQUIT'],
    ['QUIT', 'SIGQUIT'],
    ['3', 'SIGQUIT'],
    ['SIGRTMIN+3', null],
    ['999', null],
    [null, null],
  ])('that wants to be stopped by %s is stopped by %s', (stopSignal, expected) => {
    expect(imageKillSignal(image({ stopSignal }))).toBe(expected);
  });

  it.each([
    [['8080/tcp'], 8080],
    [['8080'], 8080],
    [['53/udp', '8080/tcp'], 8080],
    [['80/tcp', '443/tcp'], null],
    [['99999/tcp'], null],
    [[], null],
  ])('that exposes %j listens on %s', (ports, expected) => {
    expect(imagePort(image({ ports }))).toBe(expected);
  });

  it('gives its job the stop signal and the number of its port', () => {
    const artifact = sampleArtifact({ imageSettings: image({ stopSignal: 'SIGINT', ports: ['8080/tcp'] }) });
    const groupOf = (flags: JobFlags) => sampleJobSpec(flags, artifact).job.TaskGroups[0];
    expect(groupOf({ port: ['http'] })).toMatchObject({
      Networks: [{ ReservedPorts: [{ Label: 'http', Value: 8080 }] }],
      Tasks: [{ KillSignal: 'SIGINT' }],
    });
    expect(groupOf({ port: ['http:80'], killSignal: 'SIGTERM' })).toMatchObject({
      Networks: [{ ReservedPorts: [{ Value: 80 }] }],
      Tasks: [{ KillSignal: 'SIGTERM' }],
    });
  });
});

describe('hints about a bundle', () => {
  const hints = (changes: Readonly<Record<string, unknown>>, flags: JobFlags = {}) => {
    const artifact = sampleArtifact(changes);
    return bundleHints(artifact, { settings: parseFlags(flags, artifact), tree: treeOfFlags(flags) });
  };

  it('speak of a port that nobody can find', () => {
    const imageSettings = image({ ports: ['8080/tcp'] });
    expect(hints({ imageSettings })).toEqual([
      'the image listens on port 8080: --port http makes it a service with a check',
    ]);
    expect(hints({ imageSettings }, { port: ['http'] })).toEqual([]);
  });

  it('speak of a user that clients may not have', () => {
    const hint = 'the image runs as user node, the task as nobody: pass --user where the clients have one';
    expect(hints({ imageSettings: image({ user: 'node' }) })).toEqual([hint]);
    expect(hints({ imageSettings: image({ user: 'node' }) }, { user: 'web' })).toEqual([]);
    expect(hints({ imageSettings: image({ user: '0:0' }) })).toEqual([]);
  });

  it('speak of an interpreter that a signal does not end as PID 1', () => {
    expect(hints({ interpreter: 'python3.11' })).toEqual([
      'python3.11 is PID 1 of its task: an app that does not handle SIGTERM ends by SIGKILL after 10s; bundle such a one with init',
    ]);
    // Whoever says how it is to be ended knows.
    expect(hints({ interpreter: 'python3.11' }, { killSignal: 'SIGTERM' })).toEqual([]);
    expect(hints({ interpreter: 'python3.11' }, { killTimeout: '3s' })).toEqual([]);
    expect(hints({ interpreter: 'python3.11', imageSettings: image({ stopSignal: 'SIGINT' }) })).toEqual([]);
    expect(hints({ interpreter: 'python3.11', init: true })).toEqual([]);
    expect(hints({ interpreter: 'ruby3.1' })).toEqual([]);
    expect(hints({ init: undefined, interpreter: 'node' })).toEqual([]);
  });
});
