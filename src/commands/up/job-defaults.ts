import { renderDuration } from '../../../deploy/job/duration.ts';
import type { GroupSettings, ServiceSettings } from '../../../deploy/job/job-settings.ts';
import { type AppInForce, textOf } from '../../config/in-force.ts';
import type { Project } from '../../config/project.ts';
import { type Leaf, originOf, type Scalar } from '../../config/setting.ts';
import { jobSettingsOf } from './job-tree.ts';

/**
 * Lists what holds for an app's job where neither the file nor a variable says anything, under the names that it would be
 * said by in `deploy`. What a process says for itself is laid over it, and what only the bundle knows (its port, its stop
 * signal) is not among it.
 */
export function jobDefaults(app: AppInForce, project: Pick<Project, 'shownFile'>): readonly Leaf[] {
  if (textOf(app.own, 'job_file') !== undefined) return [];
  const { id, type, datacenters, update } = jobSettingsOf(app, project).settings;
  const [shared] = jobSettingsOf({ ...app, processes: new Map() }, project).settings.groups;
  const known = {
    job: id,
    type,
    datacenters,
    update,
    ...(shared === undefined ? {} : groupDefaults(shared)),
  };
  return leavesOf(known, []).filter(({ path }) => !isSaid(app, path));
}

/** Of services that are written out, each says for itself. */
function isSaid({ deploy }: AppInForce, path: readonly string[]): boolean {
  if (path[0] === 'service' && deploy.fields.has('service')) return true;
  return originOf(deploy, path).rest.length === 0;
}

function groupDefaults({ restart, reschedule, services, tasks }: GroupSettings) {
  const main = tasks.find(({ lifecycle }) => lifecycle === null);
  const [service] = services;
  return {
    restart,
    reschedule,
    ...(service === undefined ? {} : { service: serviceDefaults(service) }),
    ...(main === undefined
      ? {}
      : {
          cpu: main.resources.cpu,
          memory: main.resources.memory,
          killTimeoutMs: main.killTimeoutMs,
          shutdownDelayMs: main.shutdownDelayMs,
        }),
  };
}

function serviceDefaults({ name, port, provider, checks }: ServiceSettings) {
  const [check] = checks;
  if (check === undefined) return { name, port, provider };
  const { type, path, intervalMs, timeoutMs, restart } = check;
  return { name, port, provider, check: { type, path, intervalMs, timeoutMs, check_restart: restart } };
}

/** Lists values by path; a name in milliseconds becomes that of a duration. */
function leavesOf(value: unknown, path: readonly string[]): readonly Leaf[] {
  if (value === null || value === undefined) return [];
  const from = { kind: 'default' } as const;
  if (Array.isArray(value)) return [{ path, value: value as readonly Scalar[], from }];
  if (typeof value !== 'object') return [{ path, value: value as Scalar, from }];
  return Object.entries(value).flatMap(([name, below]) => {
    const key = name.replace(/Ms$/, '').replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    const isDuration = name.endsWith('Ms') && typeof below === 'number';
    return leavesOf(isDuration ? renderDuration(below) : below, [...path, key]);
  });
}
