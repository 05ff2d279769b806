import type { Arch } from '../../../src/core/types.ts';
import type { NomadAffinity, NomadConstraint, NomadSpread } from '../job-model.ts';
import type { AffinitySettings, ConstraintSettings, SpreadSettings } from '../job-settings.ts';

/** Go's names of processors, which Nomad's fingerprint uses. */
const nomadArchs: Readonly<Record<Arch, string>> = { x86_64: 'amd64', aarch64: 'arm64' };

/** Renders what the bundle itself asks of a node: Linux, and its processor where that is known. */
export function renderBundleConstraints(arch: Arch | null): NomadConstraint[] {
  const equals = (attribute: string, value: string): NomadConstraint => ({
    LTarget: `\${attr.${attribute}}`,
    Operand: '=',
    RTarget: value,
  });
  const kernel = equals('kernel.name', 'linux');
  return arch === null ? [kernel] : [kernel, equals('cpu.arch', nomadArchs[arch])];
}

/** Older clients and servers drop a secret block without a word, and the download fails. */
export const secretsConstraint: NomadConstraint = {
  LTarget: `\${attr.nomad.version}`,
  Operand: 'semver',
  RTarget: '>= 1.11.0',
};

/** Renders a constraint; of `distinct_hosts` without a value Nomad wants `true`. */
export function renderConstraint({ attribute, operator, value }: ConstraintSettings): NomadConstraint {
  const isDistinctHosts = operator === 'distinct_hosts';
  return {
    LTarget: attribute ?? '',
    Operand: operator,
    RTarget: value ?? (isDistinctHosts ? 'true' : ''),
  };
}

/** Renders affinities and spreads; the keys are absent where there are none. */
export function renderPreferences(settings: {
  readonly affinities: readonly AffinitySettings[];
  readonly spreads: readonly SpreadSettings[];
}): { readonly Affinities?: readonly NomadAffinity[]; readonly Spreads?: readonly NomadSpread[] } {
  const { affinities, spreads } = settings;
  return {
    ...(affinities.length === 0 ? {} : { Affinities: affinities.map(renderAffinity) }),
    ...(spreads.length === 0 ? {} : { Spreads: spreads.map(renderSpread) }),
  };
}

function renderAffinity({ weight, ...condition }: AffinitySettings): NomadAffinity {
  return { ...renderConstraint(condition), ...(weight === null ? {} : { Weight: weight }) };
}

function renderSpread({ attribute, weight, targets }: SpreadSettings): NomadSpread {
  const shares = Object.entries(targets).map(([Value, Percent]) => ({ Value, Percent }));
  return {
    Attribute: attribute,
    ...(weight === null ? {} : { Weight: weight }),
    ...(shares.length === 0 ? {} : { SpreadTarget: shares }),
  };
}
