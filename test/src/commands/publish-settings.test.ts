import { describe, expect, it } from 'vitest';
import { parsePublishSettings } from '../../../src/commands/publish/publish-settings.ts';
import { failureOf } from '../publish/failure.ts';

const now = new Date('2026-04-01T12:00:00Z');

describe('parsePublishSettings', () => {
  it('leaves everything to the bucket by default', () => {
    expect(parsePublishSettings({}, now)).toEqual({
      stallMs: undefined,
      labels: {},
      presignSeconds: null,
      attributes: undefined,
    });
  });

  it('reads how objects are stored', () => {
    const flags = {
      sse: 'aws:kms',
      sseKmsKeyId: 'k1',
      storageClass: 'STANDARD_IA',
      objectLock: 'governance:30d',
    };
    expect(parsePublishSettings({ ...flags, sse: 'aws:kms' }, now).attributes).toEqual({
      sse: 'aws:kms',
      sseKmsKeyId: 'k1',
      storageClass: 'STANDARD_IA',
      retention: { mode: 'GOVERNANCE', until: new Date('2026-05-01T12:00:00Z') },
    });
  });

  it.each([
    ['7d', 604_800],
    ['90s', 90],
    ['1d12h', 129_600],
  ])('signs for %s', (presign, seconds) => {
    expect(parsePublishSettings({ presign }, now).presignSeconds).toBe(seconds);
  });

  it.each([
    [{ presign: '8d' }, 'presign-invalid', 'expected a duration of at most 7d, got "8d"'],
    [{ presign: '0s' }, 'presign-invalid', 'got "0s"'],
    [{ presign: '7' }, 'presign-invalid', 'got "7"'],
    [{ objectLock: '30d' }, 'retention-invalid', 'got "30d"'],
    [{ objectLock: 'governance:0d' }, 'retention-invalid', 'got "governance:0d"'],
    [{ objectLock: 'legal:1d' }, 'retention-invalid', 'got "legal:1d"'],
    [{ sseKmsKeyId: 'k1' }, 'flag-unused', 'only --sse aws:kms encrypts with a key'],
    [{ timeout: '0s' }, 'timeout-invalid', 'got "0s"'],
  ])('refuses %o', async (flags, code, words) => {
    const failure = await failureOf(() => parsePublishSettings(flags, now));
    expect(failure.code).toBe(code);
    expect(failure.exitCode).toBe(2);
    expect(failure.message).toContain(words);
  });
});
