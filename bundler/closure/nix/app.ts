import { basename, relative } from 'node:path';
import { storePathOf } from '../../../src/core/store-path.ts';
import { nameApp } from '../naming.ts';
import { noSourceSettings } from '../program-closure.ts';
import type { ProjectClosure } from '../project/project-closure.ts';
import type { Workplace } from '../workplace.ts';
import type { NixBuild } from './build.ts';
import { readNix } from './closure.ts';
import { chooseProgram } from './entrypoint.ts';

/** What the user says of a Nix build besides what it is. */
export interface NixAppRequest {
  readonly entrypoint?: string;
  readonly name?: string;
  readonly appVersion?: string;
  readonly storePaths?: string;
}

/**
 * Chooses the program of what Nix built, and reads its closure.
 * @throws {SaddlebagError} what `chooseProgram` and `readNix` throw; `name-invalid`
 */
export async function readNixApp(
  build: NixBuild,
  request: NixAppRequest,
  place: Workplace,
): Promise<ProjectClosure> {
  const appName = nameApp({ name: build.name, version: build.version }, request);
  const program = await chooseProgram(build, request.entrypoint, place);
  const top = storePathOf(program) ?? program;
  place.context.reporter.report({
    kind: 'step',
    stage: 'closure',
    message: `reading ${top} as a Nix closure, entrypoint ${relative(top, program) || basename(program)}`,
  });
  return { ...(await readNix(program, place, request.storePaths)), ...noSourceSettings, appName };
}
