import {
  type AffinitySettings,
  type ConstraintSettings,
  isOnEveryNode,
  type JobType,
  type SpreadSettings,
} from '../job-settings.ts';
import type { SettingsReader } from './reader.ts';

// Source: Nomad, "constraint" and "affinity" blocks.
const operators = [
  '=',
  '!=',
  '>',
  '>=',
  '<',
  '<=',
  'distinct_hosts',
  'distinct_property',
  'regexp',
  'set_contains',
  'set_contains_all',
  'set_contains_any',
  'version',
  'semver',
  'is_set',
  'is_not_set',
] as const;

/** Reads the `constraint` blocks of a job, a group or a task. */
export function readConstraints(body: SettingsReader): readonly ConstraintSettings[] {
  return body.blocks('constraint').map((block) => {
    const constraint = readCondition(block);
    block.end();
    return constraint;
  });
}

/** Reads the `affinity` and `spread` blocks, which jobs that run on every node can't have. */
export function readPreferences(
  body: SettingsReader,
  type: JobType,
): { readonly affinities: readonly AffinitySettings[]; readonly spreads: readonly SpreadSettings[] } {
  const affinities = body.blocks('affinity').map((block) => {
    const affinity = { ...readCondition(block), weight: block.number('weight', { min: -100, max: 100 }) };
    block.end();
    return affinity;
  });
  const spreads = body.blocks('spread').map(readSpread);
  for (const key of ['affinity', 'spread'] as const) {
    if (body.has(key) && isOnEveryNode(type)) {
      body.problem(key, `a ${type} job runs on every node that it may: take constraint`);
    }
  }
  return { affinities, spreads };
}

function readCondition(block: SettingsReader): ConstraintSettings {
  const condition = {
    attribute: block.text('attribute'),
    operator: block.oneOf('operator', operators) ?? '=',
    value: block.text('value'),
  };
  const needsAttribute = condition.operator !== 'distinct_hosts';
  if (needsAttribute && !block.has('attribute')) {
    block.problem('attribute', `expected what to look at, like \${attr.cpu.arch}`);
  }
  const needsValue = !/^(?:distinct_|is_)/.test(condition.operator);
  if (needsValue && !block.has('value')) block.problem('value', 'expected what to compare with');
  return condition;
}

function readSpread(block: SettingsReader): SpreadSettings {
  const targets = block.labelled('target').map(([value, target]) => {
    const percent = target.number('percent', { min: 0, max: 100 });
    target.end();
    return [value, percent ?? 0] as const;
  });
  const spread = {
    attribute: block.text('attribute') ?? '',
    weight: block.number('weight', { min: 0, max: 100 }),
    targets: Object.fromEntries(targets),
  };
  if (!block.has('attribute'))
    block.problem('attribute', `expected what to spread over, like \${node.datacenter}`);
  if (targets.reduce((sum, [, percent]) => sum + percent, 0) > 100) {
    block.problem('target', 'the percentages add up to more than 100');
  }
  block.end();
  return spread;
}
