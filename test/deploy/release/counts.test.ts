import { describe, expect, it } from 'vitest';
import type { Nomad } from '../../../deploy/nomad/nomad.ts';
import { countsOf } from '../../../deploy/release/counts.ts';

/** Reads what somebody submitted as JSON; Nomad is not asked for it. */
const read = (text: string) => countsOf({} as Nomad, 'web', { text, format: 'json', variables: '' });

describe('the counts of the last submission', () => {
  it.each(['null', '1', '[]', '{', '{"TaskGroups":1}', '{"TaskGroups":[{"Count":"x"}]}', '{"Job":[]}'])(
    'are unknown where that is no job: %s',
    async (text) => expect(await read(text)).toBeNull(),
  );

  it('are read below Job or without', async () => {
    const job = '{"TaskGroups":[{"Name":"web","Count":3}]}';
    for (const text of [job, `{"Job":${job}}`]) expect(await read(text)).toEqual(new Map([['web', 3]]));
  });
});
