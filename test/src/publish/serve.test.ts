import { describe, expect, it } from 'vitest';
import { parseListen } from '../../../src/publish/serve.ts';
import { failureOf } from './failure.ts';

describe('parseListen', () => {
  it.each([
    ['127.0.0.1:8000', { host: '127.0.0.1', port: 8000 }],
    ['localhost:0', { host: 'localhost', port: 0 }],
    ['[::1]:65535', { host: '::1', port: 65535 }],
  ])('reads %s', (text, expected) => {
    expect(parseListen(text)).toEqual(expected);
  });

  it.each(['', '8000', ':8000', 'localhost', 'localhost:', 'localhost:65536', '::1:8000', 'a b:1', 'a:1:2'])(
    'refuses %j',
    async (text) => {
      const failure = await failureOf(() => parseListen(text));
      expect(failure.code).toBe('listen-invalid');
      expect(failure.exitCode).toBe(2);
      expect(failure.message).toBe(`cannot listen on ${JSON.stringify(text)}: expected HOST:PORT`);
    },
  );
});
