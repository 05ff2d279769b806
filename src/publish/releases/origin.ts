import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Context } from '../../core/context.ts';
import type { PublishedRelease } from '../../core/types.ts';

/** Who is publishing, by what the usual CI services and login shells set; the first that is set counts. */
const publisherVariables = [
  'SADDLEBAG_PUBLISHER',
  'GITHUB_ACTOR',
  'GITLAB_USER_LOGIN',
  'BUILDKITE_BUILD_CREATOR',
  'DRONE_COMMIT_AUTHOR',
  'USER',
  'LOGNAME',
] as const;

/** The commit that a CI service builds. */
const revisionVariables = [
  'SADDLEBAG_REVISION',
  'GITHUB_SHA',
  'CI_COMMIT_SHA',
  'BUILDKITE_COMMIT',
  'CIRCLE_SHA1',
  'DRONE_COMMIT_SHA',
  'GIT_COMMIT',
] as const;

const gitDeadlineMs = 5_000;

/**
 * Tells who publishes and of which revision: by the environment, else the git work tree in which the command runs, with
 * `-dirty` where tracked files differ. Never fails: what is not known is null.
 */
export async function readOrigin(
  context: Pick<Context, 'cwd' | 'env' | 'exec' | 'signal'>,
): Promise<Pick<PublishedRelease, 'publishedBy' | 'revision'>> {
  return {
    publishedBy: firstOf(publisherVariables, context.env),
    revision: firstOf(revisionVariables, context.env) ?? (await gitRevision(context)),
  };
}

function firstOf(names: readonly string[], env: Context['env']): string | null {
  const found = names.map((name) => env[name]).find((value) => value !== undefined && value !== '');
  return found === undefined ? null : found.slice(0, 200);
}

async function gitRevision({
  cwd,
  env,
  exec,
  signal,
}: Pick<Context, 'cwd' | 'env' | 'exec' | 'signal'>): Promise<string | null> {
  // Asking git takes as long as all the rest of a small publication.
  if (env.GIT_DIR === undefined && !isInWorkTree(cwd)) return null;
  const args = ['describe', '--always', '--dirty', '--abbrev=40', '--exclude=*'];
  const { exitCode, stdout } = await exec('git', args, { cwd, signal, timeoutMs: gitDeadlineMs });
  const revision = stdout.trim();
  return exitCode === 0 && /^[0-9a-f]{40,64}(-dirty)?$/.test(revision) ? revision : null;
}

function isInWorkTree(directory: string): boolean {
  const parent = dirname(directory);
  return existsSync(join(directory, '.git')) || (parent !== directory && isInWorkTree(parent));
}
