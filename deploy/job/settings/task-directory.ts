/** What a client links from its own system into the root of an exec task, or mounts there. Source: Nomad, "chroot". */
const taken = /^(?:bin|etc|lib[^/]*|sbin|usr|run|dev|proc|sys|private)(?:\/|$)/;

/**
 * Says what is wrong with the place of an artifact or a template in the task's directory; undefined when nothing is.
 * The files of /etc, /usr and their like are hard links to the client's own there: what is written over one changes it
 * for the whole host.
 */
export function destinationProblem(destination: string): string | undefined {
  const relative = relativeOf(destination);
  const [top = ''] = relative.split('/');
  if (relative.split('/').includes('..')) return 'it leads out of the task directory';
  if (taken.test(relative)) {
    return `/${top} of a task is that of its client, which it would change: take local/…`;
  }
  return undefined;
}

/** Tells whether a command lies where a client lets nothing be run: /secrets and /private are mounted noexec. */
export function isNoexec(command: string): boolean {
  return /^(?:secrets|private)\//.test(relativeOf(command));
}

/** Where a destination is in the task's root; what the client fills in is known for these three only. */
function relativeOf(destination: string): string {
  return destination
    .replace(/^\$\{NOMAD_TASK_DIR\}/, 'local')
    .replace(/^\$\{NOMAD_SECRETS_DIR\}/, 'secrets')
    .replace(/^\$\{NOMAD_ALLOC_DIR\}/, 'alloc')
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/');
}
