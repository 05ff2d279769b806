import type { Context } from '../../core/context.ts';
import type { Artifact } from '../../core/types.ts';
import { digestFile } from '../publish.ts';
import type { Store } from '../store.ts';

/**
 * Warns where a server ignores conditions on a write, so that of two publishers at once one may be lost from the list.
 * Asks by storing the digest beside the artifact once more, which is there: whoever does what it is told refuses, and
 * where it does not, the same bytes are written again.
 */
export async function warnWithoutConditions(
  { store, key }: { readonly store: Store; readonly key: string },
  artifact: Artifact,
  { reporter, signal }: Pick<Context, 'reporter' | 'signal'>,
): Promise<void> {
  const { content, contentType } = digestFile(artifact);
  if ((await store.put(`${key}.sha256`, content, { contentType, signal })) === 'taken') return;
  reporter.report({
    kind: 'warning',
    stage: 'publish',
    code: 'conditional-writes-missing',
    message: `the server of ${store.describe(key)} takes every write, whatever its condition`,
    hint: 'let only one publisher at a time write to it: of two at once, the releases may list only one',
  });
}
