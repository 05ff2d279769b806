/*
 * `npm run self`: Saddlebag, bundled by itself. One file, for hosts without Node. Takes the flags of `saddlebag bundle`.
 */
import { chmod, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import manifest from '../../package.json' with { type: 'json' };
import { main } from '../../src/main.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const tree = await mkdtemp(join(tmpdir(), 'saddlebag-self-'));

// What the command is inside the bundle: a script that the bundle's own Node runs.
const launcher = `#!/usr/bin/env node
import '../lib/cli.js';
`;

// CommonJS dependencies call \`require\`, which a module has not of its own.
const banner = `import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);`;

try {
  await build({
    entryPoints: [join(root, 'src/cli.ts')],
    outdir: join(tree, 'lib'),
    bundle: true,
    splitting: true,
    minify: true,
    format: 'esm',
    platform: 'node',
    // A CommonJS package that is loaded by import() has no named exports here: take the modules where a package has both.
    mainFields: ['module', 'main'],
    target: 'node24',
    // What the CycloneDX library would use for XML and for validation where it is installed.
    external: ['ajv', 'ajv-formats', 'ajv-formats-draft2019', 'libxmljs2', 'xmlbuilder2'],
    banner: { js: banner },
    logLevel: 'warning',
  });
  await writeFile(join(tree, 'lib/package.json'), '{"type":"module"}\n');
  await cp(join(root, 'bundler/runtime/out'), join(tree, 'lib/runtime/out'), { recursive: true });
  await mkdir(join(tree, 'bin'));
  await writeFile(join(tree, 'bin/saddlebag'), launcher);
  await chmod(join(tree, 'bin/saddlebag'), 0o755);
  const named = ['--name', 'saddlebag', '--app-version', manifest.version];
  process.argv.splice(2, 0, 'bundle', tree, '--entrypoint', 'bin/saddlebag', ...named, '--force');
  await main(process);
} finally {
  await rm(tree, { recursive: true, force: true });
}
