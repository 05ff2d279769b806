import { expect, it } from 'vitest';
import { looksSecret } from '../../../src/core/secret-names.ts';

it.each([
  'PASSWORD',
  'DB_PASSWORD',
  'API_TOKEN',
  'SECRET_KEY_BASE',
  'STRIPE_KEY',
  'apiKey',
  'GITHUB_TOKEN_2',
])('%s is a secret', (name) => expect(looksSecret(name)).toBe(true));

it.each(['PORT', 'KEYBOARD', 'PASSWORD_FILE', 'PUBLIC_KEY', 'AWS_ACCESS_KEY_ID', 'TOKENIZER', 'TOKEN_TTL'])(
  '%s is none',
  (name) => expect(looksSecret(name)).toBe(false),
);
