import { describe, expect, it } from 'vitest';
import { objectMetadata, parseLabels } from '../../../src/publish/labels.ts';
import { failureOf } from './failure.ts';

describe('parseLabels', () => {
  it('reads names and values, with = in a value', () => {
    expect(parseLabels(['team=web', 'query=a=b', 'empty='])).toEqual({
      team: 'web',
      query: 'a=b',
      empty: '',
    });
  });

  it('reports every problem at once', async () => {
    const failure = await failureOf(() =>
      parseLabels(['Team=x', 'sha256=x', 'a=é', 'a', 'b=1', 'b=2', 'c= x']),
    );
    expect(failure.code).toBe('label-invalid');
    expect(failure.exitCode).toBe(2);
    expect(failure.message).toBe(
      'cannot use the labels: "Team": expected small letters, digits and - in its name; ' +
        '"sha256": that name is taken; ' +
        '"a": expected printable ASCII in its value, without blanks at its ends; ' +
        '"a": expected NAME=VALUE; "b": it is given twice; ' +
        '"c": expected printable ASCII in its value, without blanks at its ends',
    );
  });
});

describe('objectMetadata', () => {
  const own = { 'closure-sha256': 'ab'.repeat(32), 'tool-version': '1.0', revision: null };

  it('joins labels to what every object carries, and leaves out a revision that no header takes', () => {
    expect(objectMetadata({ ...own, revision: 'v1-é' }, { team: 'web' })).toEqual({
      'closure-sha256': own['closure-sha256'],
      'tool-version': '1.0',
      team: 'web',
    });
    expect(objectMetadata({ ...own, revision: 'v1' }, {})).toMatchObject({ revision: 'v1' });
  });

  it('takes as much as S3 keeps, and not a byte more', async () => {
    // Names and values: sha256 70, closure-sha256 78, tool-version 15, the label's name 4.
    const most = 2048 - 70 - 78 - 15 - 4;
    expect(objectMetadata(own, { note: 'x'.repeat(most) })).toMatchObject({ note: 'x'.repeat(most) });
    const failure = await failureOf(() => objectMetadata(own, { note: 'x'.repeat(most + 1) }));
    expect(failure.message).toBe(
      'cannot use the labels: they take too much: 2049 bytes with what every object carries, of 2048',
    );
  });
});
