import { describe, expect, it } from 'vitest';
import { parseArtifact } from '../../../deploy/artifact/artifact.ts';
import { isLoopback } from '../../../deploy/artifact/artifact-source.ts';
import { sampleArtifactJson, sampleSha256 } from '../sample.ts';

const checksum = `sha256:${sampleSha256}`;
const query = `?archive=false&checksum=${checksum}`;

describe('an artifact as JSON', () => {
  it('gives name, architecture, interpreter and the source taken apart', () => {
    expect(parseArtifact(sampleArtifactJson({ interpreter: 'python3.11' }))).toEqual({
      name: 'web',
      arch: 'x86_64',
      interpreter: 'python3.11',
      init: false,
      imageSettings: null,
      source: {
        url: 'https://apps.example/web/web-1.2-x86_64',
        checksum,
        path: '/web/web-1.2-x86_64',
        hostname: 'apps.example',
      },
    });
  });

  it('reports every problem at once', () => {
    const text = sampleArtifactJson({ version: 2, name: '', arch: 'riscv64', interpreter: 7, source: 9 });
    expect(() => parseArtifact(text)).toThrow(
      expect.objectContaining({
        code: 'artifact-invalid',
        exitCode: 2,
        message:
          'cannot deploy the artifact: version: expected 1, got 2; name: expected text, got ""; ' +
          'arch: expected "x86_64" or "aarch64", got "riscv64"; interpreter: expected text or null, got 7; ' +
          'source: expected text, got 9',
      }),
    );
  });

  it.each([
    ['{"version": 1,', 'not JSON: '],
    ['', 'it is empty'],
    [sampleArtifactJson({ checksum: undefined }), 'checksum: expected text, got nothing'],
    [sampleArtifactJson({ checksum: `sha256:${'00'.repeat(32)}` }), 'it differs from the one in source'],
    [sampleArtifactJson({ checksum: sampleSha256 }), 'expected a checksum of the form sha256:<64'],
  ])('refuses %s', (text, reason) => {
    expect(() => parseArtifact(text)).toThrow(reason);
  });
});

describe('an artifact read from a file', () => {
  it.each([
    ['[default]\nsecret = s3cr3t', 'a URL holds no blanks and no control characters'],
    ['s3cr3t', 'not a URL'],
    ['{"password": s3cr3t}', "not JSON: Unexpected token 's'"],
    ['', 'it is empty'],
    ['\x7fELF\x02\x01s3cr3t', 'it is a program, not what tells of a published one'],
  ])('is named in errors, and what is in it is not shown: %j', (text, reason) => {
    expect(() => parseArtifact(text, '/tmp/file')).toThrow(
      expect.objectContaining({ message: `cannot deploy /tmp/file: ${reason}` }),
    );
  });

  it('says of a bundle that it is to be published first', () => {
    expect(() => parseArtifact('\x7fELF\x02', './web-x86_64')).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('publish it first') }),
    );
  });
});

describe('an artifact as a bare source', () => {
  it('takes the name from the part of the path that publish gives it', () => {
    const digest = checksum.slice('sha256:'.length);
    const source = `http://s/apps/web-2fa/${digest}/web-2fa-1.0-aarch64?checksum=${checksum}`;
    expect(parseArtifact(source)).toMatchObject({ name: 'web-2fa', arch: 'aarch64' });
    expect(parseArtifact(source.replace(`${digest}/`, 'latest/'))).toMatchObject({ name: 'web' });
  });

  it('takes name and architecture from the file name', () => {
    const { name, arch, interpreter } = parseArtifact(`http://s/a/pet-taxi-0.2.0-rc1-aarch64${query}\n`);
    expect({ name, arch, interpreter }).toEqual({ name: 'pet-taxi', arch: 'aarch64', interpreter: null });
  });

  it('leaves the architecture open where the file name does not say', () => {
    expect(parseArtifact(`http://s/a/web${query}`)).toMatchObject({ name: 'web', arch: null });
  });

  it('keeps other parameters byte for byte, a signature covers them', () => {
    const signed = `https://s/b/web-1-x86_64?X-Amz-Date=1&checksum=${checksum}&X-Amz-Signature=a%2Fb%3D&archive=false`;
    expect(parseArtifact(signed).source.url).toBe(
      'https://s/b/web-1-x86_64?X-Amz-Date=1&X-Amz-Signature=a%2Fb%3D',
    );
  });

  it('knows the forced getter of a bucket', () => {
    const { source, name } = parseArtifact(`s3::http://minio:9000/apps/web-1-x86_64${query}&region=eu-1`);
    expect(source).toMatchObject({
      url: 's3::http://minio:9000/apps/web-1-x86_64?region=eu-1',
      hostname: 'minio',
      checksum,
    });
    expect(name).toBe('web');
  });

  it('writes the digest in lower case', () => {
    const upper = `sha256:${sampleSha256.toUpperCase()}`;
    expect(parseArtifact(`http://s/web-1-x86_64?checksum=${upper}`).source.checksum).toBe(checksum);
  });

  it.each([
    ['http://s/web-1-x86_64', 'it has no checksum'],
    [`http://s/web?checksum=${checksum}&checksum=${checksum}`, 'it has more than one checksum'],
    ['http://s/web?checksum=md5:d41d8cd98f00b204e9800998ecf8427e', 'expected a checksum of the form sha256:'],
    [`http://s/web?checksum=${sampleSha256}`, 'expected a checksum of the form sha256:'],
    [`ftp://s/web${query}`, 'Nomad fetches bundles by http, https or s3::https, not by ftp'],
    [`s3://bucket/web${query}`, 'not by s3'],
    [`./artifact.json${query}`, 'not a URL'],
    ['hello', 'not a URL'],
    [`http://s/a b${query}`, 'a URL holds no blanks'],
    [`http://evil/\${NOMAD_TOKEN}/web${query}`, 'a URL holds no interpolation, which Nomad would evaluate'],
    [`http://s/${query}`, 'its path names no file'],
    [`https://me:geheim@s/web${query}`, 'a URL holds no credentials'],
    [
      `s3::https://s/b/web${query}&aws_access_key_id=a&aws_access_key_secret=geheim`,
      'a URL holds no credentials',
    ],
    [`https://me:geheim@s/web?checksum=md5:d41d8cd98f00b204e9800998ecf8427e`, 'a URL holds no credentials'],
  ])('refuses %s', (text, reason) => {
    expect(() => parseArtifact(text)).toThrow(
      expect.objectContaining({ code: 'artifact-invalid', message: expect.stringContaining(reason) }),
    );
    expect(() => parseArtifact(text)).not.toThrow('geheim');
  });
});

describe('a host name', () => {
  it.each([
    'localhost',
    'web.localhost',
    '127.0.0.1',
    '127.9.9.9',
    '0.0.0.0',
    '[::1]',
    '::',
    '[::ffff:7f00:1]',
  ])('%s means this machine', (name) => expect(isLoopback(name)).toBe(true));

  it.each(['minio', '10.0.0.1', '[fe80::1]', '128.0.0.1', 'localhost.example', '127.example'])(
    '%s means another one',
    (name) => expect(isLoopback(name)).toBe(false),
  );
});
