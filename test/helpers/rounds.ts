import { inject } from 'vitest';

declare module 'vitest' {
  interface ProvidedContext {
    /** `quick`: what `npm test` has time for; `full`: all of it. */
    tier: 'quick' | 'full';
  }
}

/** Returns how often this tier tries what a seed decides; vitest.config.ts says which files the full tier runs again. */
export function rounds(often: { readonly quick: number; readonly full: number }): number {
  return often[inject('tier')];
}
