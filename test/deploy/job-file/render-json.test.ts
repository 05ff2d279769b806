import { describe, expect, it } from 'vitest';
import { sampleChecksum as checksum, sampleUrl as url } from '../sample.ts';
import { render } from './rendered.ts';

describe("a job in the API's form", () => {
  const job = {
    ID: 'web',
    TaskGroups: [
      {
        Name: 'g',
        Tasks: [
          { Name: 'db', Driver: 'docker' },
          {
            Name: 'app',
            Driver: 'exec',
            Config: { command: 'app', args: ['-v'] },
            Artifacts: [{ GetterSource: 'http://x/app', GetterOptions: { region: 'eu' } }],
          },
        ],
      },
    ],
    X: null,
  };

  it.each([
    ['below Job', { Job: job, Y: 1 }],
    ['alone', job],
  ])('%s keeps what it says otherwise, and its indentation', async (_, whole) => {
    const text = await render(`${JSON.stringify(whole, null, 3)}\n`);
    const changed = JSON.parse(JSON.stringify(whole)) as { Job?: typeof job } & typeof job;
    Object.assign((changed.Job ?? changed).TaskGroups[0]?.Tasks[1] ?? {}, {
      Config: { command: 'local/web', args: ['-v'] },
      Artifacts: [
        {
          GetterSource: url,
          GetterOptions: { region: 'eu', archive: 'false', checksum },
          GetterMode: 'file',
          RelativeDest: 'local/web',
        },
      ],
    });
    expect(JSON.parse(text)).toEqual(changed);
    expect(text).toMatch(/^\{\n {3}"/);
    expect(await render(text)).toBe(text);
  });
});
