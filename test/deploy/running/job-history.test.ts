import { describe, expect, it } from 'vitest';
import type { NomadJobState } from '../../../deploy/nomad/job-answer.ts';
import {
  artifactsOf,
  describeHistory,
  describeProvenance,
  isOurs,
  parseProvenance,
  staleTags,
  tagName,
} from '../../../deploy/running/job-history.ts';
import { sampleSha256 } from '../sample.ts';

const url = `https://apps.example/web/${sampleSha256}/web`;

function job(version: number, source = url, changes: Partial<NomadJobState> = {}): NomadJobState {
  const artifacts = [{ source, checksum: `sha256:${sampleSha256}` }];
  return {
    type: 'service',
    special: null,
    version,
    jobModifyIndex: 1,
    isStopped: false,
    definition: '',
    isStable: true,
    submittedAtMs: 0,
    tag: null,
    groups: [
      {
        name: 'web',
        count: 1,
        minHealthyTimeMs: 0,
        progressDeadlineMs: 0,
        tasks: [{ name: 'web', hook: '', artifacts }],
      },
    ],
    ...changes,
  };
}

describe('the history of a job', () => {
  it('lists the newest first and asks for each object once', async () => {
    const asked: string[] = [];
    const ask = async (one: string) => {
      asked.push(one);
      return one === url;
    };
    const tag = { name: tagName(2), description: 'by alice, revision 0123abcd' };
    const versions = [job(0), job(2, `${url}-2`, { tag }), job(1)];
    const history = await describeHistory({ id: 'web', namespace: 'default' }, versions, ask);
    expect(history.versions.map(({ jobVersion, isCurrent }) => [jobVersion, isCurrent])).toEqual([
      [2, true],
      [1, false],
      [0, false],
    ]);
    expect(history.versions[0]).toMatchObject({
      deployedBy: 'alice',
      revision: '0123abcd',
      submittedAt: '1970-01-01T00:00:00.000Z',
      artifacts: [{ task: 'web', url: `${url}-2`, exists: false }],
    });
    expect(asked.sort()).toEqual([url, `${url}-2`]);
  });

  it('shows no signature and no password of a URL', () => {
    const [artifact] = artifactsOf(job(0, 'https://me:secret@apps.example/web?X-Amz-Signature=abc'));
    expect(artifact?.url).toBe('https://apps.example/web');
  });
});

describe('a job of ours', () => {
  it('is one whose key holds the digest of its checksum', () => {
    expect(isOurs(job(0))).toBe(true);
    expect(isOurs(job(0, 'https://apps.example/other'))).toBe(false);
  });
});

describe('a tag', () => {
  it.each([
    [{ deployedBy: 'alice', revision: 'abcdef0-dirty' }, 'by alice, revision abcdef0-dirty'],
    [{ deployedBy: 'alice', revision: null }, 'by alice'],
    [{ deployedBy: null, revision: 'abcdef0' }, 'revision abcdef0'],
    [{ deployedBy: null, revision: null }, ''],
  ])('of %j reads %j, and back', (provenance, text) => {
    expect(describeProvenance(provenance)).toBe(text);
    expect(parseProvenance(text)).toEqual(provenance);
  });

  it('of somebody else says nothing', () => {
    expect(parseProvenance('golden release')).toEqual({ deployedBy: null, revision: null });
  });

  it('is stale when ten newer ones are there, and ours', () => {
    const tagged = (version: number) =>
      job(version, url, { tag: { name: tagName(version), description: '' } });
    const foreign = job(0, url, { tag: { name: 'golden', description: '' } });
    const versions = [foreign, ...[1, 2, 3].map(tagged)];
    expect(staleTags(versions, 2)).toEqual([tagName(1)]);
  });
});
