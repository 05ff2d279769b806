import { describe, expect, it } from 'vitest';
import { readAnswer } from '../../../deploy/nomad/nomad-http.ts';
import { readPlan } from '../../../deploy/nomad/plan-answer.ts';

const read = (text: string) => () => readAnswer(text, 'plan job web', readPlan);
/** The difference of a plan, with objects in objects. */
const nested = (depth: number) =>
  `{"JobModifyIndex":1,"Diff":${'{"Type":"Edited","Objects":['.repeat(depth)}${']}'.repeat(depth)}}`;

describe('an answer of Nomad', () => {
  it.each([
    ['no JSON', '<html>', 'not JSON'],
    ['a list', '[]', 'answer: expected an object'],
    ['a number for a text', '{"JobModifyIndex":1,"Diff":{"Type":1}}', 'answer.Diff.Type: expected text'],
    ['no end of objects', nested(50_000), 'nested too deeply'],
  ])('with %s is refused', (_, text, reason) => {
    expect(read(text)).toThrow(`cannot plan job web: unexpected answer, ${reason}`);
  });

  it('is taken where it is sound', () => {
    expect(read(nested(3))().diff).toMatchObject({
      type: 'Edited',
      children: [{ children: [{ children: [] }] }],
    });
  });
});
