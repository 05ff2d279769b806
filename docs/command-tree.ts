import type { Command } from 'commander';
import { createProgram } from '../src/program.ts';

/** Builds the tree of commands for who only reads it: what is called does nothing. */
export function readCommandTree(): Command {
  return createProgram({
    argv: [],
    invoke: async () => undefined,
    readStdin: async () => '',
    confirm: null,
    write: () => undefined,
  });
}
