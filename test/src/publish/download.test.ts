import { describe, expect, it } from 'vitest';
import { s3Source } from '../../../src/publish/download.ts';

const checksum = `sha256:${'ab'.repeat(32)}`;
const query = `?archive=false&checksum=${checksum}&region=eu-west-1`;
const sourceOf = (base: string, name: string) =>
  s3Source({ base, name, region: 'eu-west-1' }, 'team/we b', checksum);

describe('s3Source', () => {
  it.each([
    ['http://minio:9000/apps', 'apps', 's3::http://minio:9000/apps/team/we%20b'],
    [
      'https://apps.s3.eu-west-1.amazonaws.com',
      'apps',
      's3::https://apps.s3.eu-west-1.amazonaws.com/team/we%20b',
    ],
    [
      'https://s3.eu-west-1.amazonaws.com/apps',
      'apps',
      's3::https://apps.s3.eu-west-1.amazonaws.com/team/we%20b',
    ],
    [
      'https://s3.eu-west-1.amazonaws.com/my.apps',
      'my.apps',
      's3::https://s3-eu-west-1.amazonaws.com/my.apps/team/we%20b',
    ],
  ])('is what go-getter takes for %s', (base, name, expected) => {
    expect(sourceOf(base, name)).toBe(expected + query);
  });

  it.each([
    ['https://apps.minio.example', 'apps'],
    ['https://example.com/s3/apps', 'apps'],
    ['https://cdn.example/files', 'apps'],
    ['https://apps.s3.cn-north-1.amazonaws.com.cn', 'apps'],
  ])('is not made of %s, which go-getter would read otherwise', (base, name) => {
    expect(sourceOf(base, name)).toBeUndefined();
  });
});
