import { renderDuration } from '../job/duration.ts';
import type { JobSettings } from '../job/job-settings.ts';
import { imagePort } from '../job/settings/image.ts';
import type { SettingsTree } from '../job/settings/tree.ts';
import type { DeployArtifact } from './artifact.ts';

/** Interpreters that leave SIGTERM to the kernel, which does not end PID 1 by it. */
const deafAsFirst = /^(?:python|node|perl|php|bash|sh|dash)[\d.]*$/;

/**
 * Says what of the bundle the job does not take over, and what its user may not expect: for a job's first version, since
 * whoever goes on with it knows. `tree` is what the settings were made from: who says there how the task is ended need
 * not be told.
 */
export function bundleHints(
  bundle: DeployArtifact,
  { settings, tree }: { readonly settings: JobSettings; readonly tree: SettingsTree },
): readonly string[] {
  const [group] = settings.groups;
  const main = group?.tasks.find(({ lifecycle }) => lifecycle === null);
  if (group === undefined || main === undefined) return [];
  const { imageSettings: image, interpreter, init } = bundle;
  const port = imagePort(image);
  const hints: string[] = [];
  if (port !== null && group.network === null) {
    hints.push(`the image listens on port ${port}: --port http makes it a service with a check`);
  }
  // Nomad fails a task whose user its client does not have, so that an image's own can't be the default.
  if (image?.user !== null && image?.user !== undefined && !isRoot(image.user) && main.user === null) {
    hints.push(
      `the image runs as user ${image.user}, the task as nobody: pass --user where the clients have one`,
    );
  }
  const isSaid = [tree.kill_signal, tree.kill_timeout, image?.stopSignal].some((each) => each != null);
  if (init === false && interpreter !== null && deafAsFirst.test(interpreter) && !isSaid) {
    hints.push(
      `${interpreter} is PID 1 of its task: an app that does not handle ${main.killSignal} ends by SIGKILL after ` +
        `${renderDuration(main.killTimeoutMs)}; bundle such a one with init`,
    );
  }
  return hints;
}

function isRoot(user: string): boolean {
  return /^(?:root|0)(?::|$)/.test(user);
}
