import { describe, expect, it } from 'vitest';
import { nameApp } from '../../../bundler/closure/naming.ts';
import { fakeStorePath } from '../../helpers/closures.ts';

describe('nameApp', () => {
  it('splits the name of a store path, also for a program in it', () => {
    const expected = { name: 'pet-taxi', appVersion: '0.1.0-rc1' };
    expect(nameApp(fakeStorePath('pet-taxi-0.1.0-rc1'), {})).toEqual(expected);
    expect(nameApp(`${fakeStorePath('pet-taxi-0.1.0-rc1')}/bin/other`, {})).toEqual(expected);
  });

  it('takes the whole name of a file', () => {
    expect(nameApp('/usr/bin/app-2.sh', {})).toEqual({ name: 'app-2.sh', appVersion: '' });
  });

  it('lets the request win', () => {
    expect(nameApp(fakeStorePath('app-1'), { name: 'web', appVersion: '2' })).toEqual({
      name: 'web',
      appVersion: '2',
    });
    expect(nameApp('/usr/bin/[', { name: 'test' }).name).toBe('test');
  });

  it.each([
    ['/usr/bin/[', {}, '"[" is no name', '--name'],
    ['/x/.hidden', {}, '".hidden" is no name', '--name'],
    ['/x/app', { name: 'a b' }, '"a b" is no name', '--name'],
    ['/x/app', { name: '' }, '"" is no name', '--name'],
    ['/x/app', { appVersion: 'v/1' }, '"v/1" is no version', '--app-version'],
  ])('refuses %s with %j', (file, asked, reason, flag) => {
    expect(() => nameApp(file, asked)).toThrow(
      expect.objectContaining({
        code: 'name-invalid',
        message: expect.stringContaining(`cannot name the bundle: ${reason}`),
        hint: `choose one with ${flag}`,
        exitCode: 2,
      }),
    );
  });
});
