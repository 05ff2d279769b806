import { describe, expect, it } from 'vitest';
import { parseBaseUrl, parseDestination } from '../../../src/publish/destination.ts';
import { failureOf } from './failure.ts';

describe('parseDestination', () => {
  it.each([
    ['s3://apps', { kind: 's3', bucket: 'apps', prefix: '' }],
    ['s3://apps/', { kind: 's3', bucket: 'apps', prefix: '' }],
    ['s3://apps/team/web/', { kind: 's3', bucket: 'apps', prefix: 'team/web' }],
    ['S3://my.bucket/a', { kind: 's3', bucket: 'my.bucket', prefix: 'a' }],
    [
      's3://apps/web?endpoint=http://127.0.0.1:9000&region=eu-1&path-style=true',
      {
        kind: 's3',
        bucket: 'apps',
        prefix: 'web',
        endpoint: 'http://127.0.0.1:9000',
        region: 'eu-1',
        pathStyle: true,
      },
    ],
    ['./folder', { kind: 'directory', directory: '/home/me/folder', prefix: '' }],
    ['/srv/apps', { kind: 'directory', directory: '/srv/apps', prefix: '' }],
  ])('reads %s', (text, expected) => {
    expect(parseDestination(text, '/home/me')).toEqual(expected);
  });

  it.each([
    ['', 'it is empty'],
    ['s3://', 'what follows s3:// is not the name of a bucket'],
    ['s3:///key', 'what follows s3:// is not the name of a bucket'],
    ['s3://a b/key', 'what follows s3:// is not the name of a bucket'],
    ['gs://apps', 'gs:// is not a store'],
    ['https://minio.example/apps', 'https:// is not a store'],
  ])('refuses %j', async (text, reason) => {
    const failure = await failureOf(() => parseDestination(text, '/'));
    expect(failure.code).toBe('destination-invalid');
    expect(failure.exitCode).toBe(2);
    expect(failure.message).toBe(`cannot publish to ${text}: ${reason}`);
  });

  it('repeats no password', async () => {
    const failure = await failureOf(() => parseDestination('https://me:geheim@minio.example/apps', '/'));
    expect(failure.message).toBe('cannot publish to https://…@minio.example/apps: https:// is not a store');
    const bucket = await failureOf(() => parseDestination('s3://me:geheim@apps/web', '/'));
    expect(`${bucket.message}${bucket.hint}`).not.toContain('geheim');
    const query = await failureOf(() => parseDestination('s3://apps/web?key=geheim', '/'));
    expect(query.message).toBe(
      'cannot publish to s3://apps/web?…: it takes endpoint, region and path-style, not key',
    );
  });
});

describe('parseBaseUrl', () => {
  it.each([
    ['http://127.0.0.1:9000', 'http://127.0.0.1:9000'],
    ['https://cdn.example/files//', 'https://cdn.example/files'],
    ['https://CDN.example', 'https://cdn.example'],
  ])('reads %s', (text, expected) => {
    expect(parseBaseUrl(text, '--endpoint')).toBe(expected);
  });

  it.each([
    ['minio:9000', 'cannot use minio:9000 of --endpoint: its scheme is neither http nor https'],
    ['minio', 'cannot use the URL of --endpoint: it is not a URL'],
    ['https://a/?b', 'cannot use https://a/ of --endpoint: it has a query or a fragment'],
    ['https://me:geheim@minio', 'cannot use the URL of --endpoint: it holds credentials'],
    ['https://me:geheim@', 'cannot use the URL of --endpoint: it is not a URL'],
  ])('refuses %s', async (text, message) => {
    const failure = await failureOf(() => parseBaseUrl(text, '--endpoint'));
    expect(failure.code).toBe('url-invalid');
    expect(failure.message).toBe(message);
    expect(failure.hint).toBe('give an http or https URL, for example --endpoint https://minio.example.com');
  });
});
