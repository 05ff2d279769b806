import { SaddlebagError } from '../../src/core/errors.ts';
import type { Nomad } from '../nomad/nomad.ts';
import { Shape } from '../nomad/shape.ts';
import type { Release } from './release-model.ts';

/** Where a service answers. */
export interface ServiceAddresses {
  readonly name: string;
  /** `http://10.0.0.5:23456` where the service is checked by HTTP, else without a scheme; sorted. */
  readonly addresses: readonly string[];
}

/**
 * Asks Nomad where the services of a release answer, sorted by name; those of other providers are not its to know. Empty
 * where the token may not read them: an address is a help, and no reason to fail. `job` is the job as the API takes it.
 */
export async function readAddresses(
  nomad: Pick<Nomad, 'readServices'>,
  job: unknown,
  { jobId, allocations }: Pick<Release, 'jobId' | 'allocations'>,
): Promise<readonly ServiceAddresses[]> {
  const ours = new Set(allocations.map(({ id }) => id));
  const instances = await nomad.readServices(jobId).catch((cause: unknown) => {
    if (cause instanceof SaddlebagError) return [];
    throw cause;
  });
  const checkedByHttp = new Set(namesCheckedByHttp(job));
  const byName = new Map<string, string[]>();
  for (const { name, address, port, allocationId } of instances) {
    if (!ours.has(allocationId)) continue;
    const scheme = checkedByHttp.has(name) ? 'http://' : '';
    const host = address.includes(':') ? `[${address}]` : address;
    byName.set(name, [...(byName.get(name) ?? []), `${scheme}${host}:${port}`]);
  }
  return [...byName].sort().map(([name, addresses]) => ({ name, addresses: addresses.sort() }));
}

function namesCheckedByHttp(job: unknown): string[] {
  const namesOf = (owner: Shape) =>
    owner.list('Services', (service) => {
      const types = service.list('Checks', (check) => check.optionalText('Type'));
      return types.includes('http') ? service.optionalText('Name') : '';
    });
  return Shape.of(job)
    .list('TaskGroups', (group) => [...namesOf(group), ...group.list('Tasks', namesOf).flat()])
    .flat();
}
