/* Of the project `sanitized`: without a compiler there is nothing to test. */
import { beforeEach, inject } from 'vitest';
import './under-test.ts';

beforeEach(({ skip }) => skip(inject('sanitized').runtime === '', 'gcc missing'));
