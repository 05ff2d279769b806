import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const fullTier = 'test/**/*.full.test.ts';
/**
 * What is tested once more with a runtime under the sanitizers; the others take long, or start no runtime of this machine.
 */
const sanitizedTests =
  'binds,collection,extraction,init,lazy,options,private-root,process,relocate,relocate-link,root,strategies,surroundings,verify';

/** In the quick tier each case runs under two strategies, in the full one under all. */
const runtimeCases = 'test/integration/runtime/cases/*.test.ts';

/** What a seed decides is tried more often in the full tier. */
const seededTests = [
  'test/integration/hostile/readers.test.ts',
  'test/src/core/hcl/parse.test.ts',
  'test/src/publish/delta-plan.test.ts',
];

const project = (name: string, include: string[], testTimeout: number) => ({
  test: {
    name,
    include,
    exclude: name === 'full' ? [] : [fullTier],
    testTimeout,
    hookTimeout: testTimeout,
    provide: { tier: name === 'full' ? ('full' as const) : ('quick' as const) },
    // What bundling keeps from run to run goes beside the other caches, not into the home of whoever tests.
    env: {
      SADDLEBAG_BUILD_CACHE: fileURLToPath(new URL('node_modules/.cache/saddlebag/frames', import.meta.url)),
      SADDLEBAG_BUILD_CACHE_SIZE: '500M',
    },
  },
});

export default defineConfig({
  test: {
    // The second is for .ci/summary.ts.
    reporters: ['default', ['json', { outputFile: 'node_modules/.cache/saddlebag/tests.json' }]],
    projects: [
      // No network, no child process; all of it in seconds: no test leaves anything behind in its process, and loading
      // every module anew for each file took more than half of the time.
      {
        test: {
          ...project('unit', ['test/{src,bundler,deploy,docs,bench}/**/*.test.ts'], 10_000).test,
          isolate: false,
        },
      },
      // Real children, the real runtime, servers over loopback HTTP.
      project('integration', ['test/integration/**/*.test.ts'], 120_000),
      {
        test: {
          ...project('sanitized', [`test/integration/runtime/{${sanitizedTests}}.test.ts`], 120_000).test,
          globalSetup: 'test/integration/runtime/sanitized-setup.ts',
          setupFiles: 'test/integration/runtime/sanitized-skip.ts',
        },
      },
      // The built command on real Nix, MinIO and Nomad.
      project('e2e', ['test/e2e/**/*.test.ts'], 300_000),
      // What is long, or needs what a plain Debian lacks: `npm run test:full`, never `npm test`.
      project('full', [fullTier, runtimeCases, ...seededTests], 1_800_000),
    ],
  },
});
