import { attribute, block, type HclItem } from '../hcl.ts';
import type { NomadAffinity, NomadConstraint, NomadSpread } from '../job-model.ts';

/** The conditions of a job or a group. */
export interface NomadPlacement {
  readonly Constraints?: readonly NomadConstraint[];
  readonly Affinities?: readonly NomadAffinity[];
  readonly Spreads?: readonly NomadSpread[];
}

/** Renders constraint, affinity and spread blocks. */
export function placementBlocks({ Constraints, Affinities, Spreads }: NomadPlacement): HclItem[] {
  return [
    ...(Constraints ?? []).map((constraint) => block('constraint', [], conditionBody(constraint))),
    ...(Affinities ?? []).map((affinity) =>
      block('affinity', [], [...conditionBody(affinity), ...attribute('weight', affinity.Weight)]),
    ),
    ...(Spreads ?? []).map(spreadBlock),
  ];
}

function conditionBody({ LTarget, Operand, RTarget }: NomadConstraint): HclItem[] {
  return [
    ...attribute('attribute', LTarget === '' ? undefined : LTarget),
    ...attribute('operator', Operand === '=' ? undefined : Operand),
    ...attribute('value', RTarget === '' && Operand !== '=' ? undefined : RTarget),
  ];
}

function spreadBlock({ Attribute, Weight, SpreadTarget }: NomadSpread): HclItem {
  return block(
    'spread',
    [],
    [
      ...attribute('attribute', Attribute),
      ...attribute('weight', Weight),
      ...(SpreadTarget ?? []).map(({ Value, Percent }) =>
        block('target', [Value], attribute('percent', Percent)),
      ),
    ],
  );
}
