import { describe, expect, it } from 'vitest';
import { plainDownloads } from '../../../deploy/artifact/plain-download.ts';
import { sampleArtifact, sampleChecksum, sampleJobSpec, sampleUrl } from '../sample.ts';

const { source } = sampleArtifact();

function jobWith(artifact: object) {
  return { TaskGroups: [{ Tasks: [{ Artifacts: null }, { Artifacts: [artifact, artifact] }] }] };
}

describe('what a job downloads as anybody would', () => {
  it('is what a generated job downloads', () => {
    expect(plainDownloads(sampleJobSpec().job, [source])).toEqual([sampleUrl]);
  });

  it('is named once, by itself', () => {
    const GetterSource = `${sampleUrl}?archive=false&checksum=${sampleChecksum}`;
    expect(plainDownloads(jobWith({ GetterSource }), [source, source])).toEqual([sampleUrl]);
  });

  it.each([
    ['comes with a header', { GetterHeaders: { Authorization: 'Bearer x' } }],
    ['has an option that becomes part of the URL', { GetterOptions: { token: 'x' } }],
    ['has credentials for S3', { GetterOptions: { aws_access_key_id: 'x' } }],
    ['passes over certificates', { GetterInsecure: true }],
    ['is of another place', { GetterSource: 'https://elsewhere.example/web' }],
  ])('is nothing that %s', (_, changes) => {
    expect(plainDownloads(jobWith({ GetterSource: sampleUrl, ...changes }), [source])).toEqual([]);
  });

  it('is nothing that is fetched by the protocol of S3', () => {
    const url = `s3::${sampleUrl}`;
    expect(plainDownloads(jobWith({ GetterSource: url }), [{ ...source, url }])).toEqual([]);
  });

  it.each([null, 1, {}, { TaskGroups: 'x' }])('is nothing in %j', (job) => {
    expect(plainDownloads(job, [source])).toEqual([]);
  });
});
