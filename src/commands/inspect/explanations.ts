import { type Duplicate, type Member, memberPath, wastedBytes } from '../../../bundler/explain/members.ts';
import type { TreeNode } from '../../../bundler/explain/tree.ts';
import type { Why } from '../../../bundler/explain/why.ts';
import { printable } from '../../core/printable.ts';
import { formatBytes } from '../../core/units.ts';

/** Renders the tree of references: with what it refers to, by itself, name. */
export function renderTree(roots: readonly TreeNode[]): string {
  const lines = roots.flatMap((root) => renderNode(root, '', ''));
  return [`${'with all'.padStart(10)} ${'by itself'.padStart(10)}  store path`, ...lines].join('\n');
}

function renderNode(node: TreeNode, lead: string, childLead: string): string[] {
  const sizes = [node.closureBytes, node.ownBytes].map((size) => formatBytes(size).padStart(10)).join(' ');
  const again = node.repeated ? ' (as above)' : '';
  const last = node.children.length - 1;
  return [
    `${sizes}  ${lead}${node.storePath}${again}`,
    ...node.children.flatMap((child, index) =>
      renderNode(
        child,
        `${childLead}${index === last ? '└─ ' : '├─ '}`,
        `${childLead}${index === last ? '   ' : '│  '}`,
      ),
    ),
  ];
}

/** Renders the largest files, and below them the content that several store paths hold. */
export function renderFiles(
  files: readonly Member[],
  duplicates: readonly Duplicate[],
  count: number,
): string {
  const wasted = duplicates.reduce((sum, one) => sum + wastedBytes(one), 0);
  return [
    'largest files:',
    ...files.map((file) => line(file.sizeBytes, memberPath(file))),
    '',
    duplicates.length === 0
      ? 'no content of 4 kB or more stands in several store paths'
      : `the same content in several store paths takes ${formatBytes(wasted)}:`,
    ...duplicates
      .slice(0, count)
      .flatMap((one) =>
        one.files.map((file, index) => (index === 0 ? line(wastedBytes(one), file) : line(null, file))),
      ),
  ].join('\n');
}

function line(sizeBytes: number | null, path: string): string {
  return `${(sizeBytes === null ? '' : formatBytes(sizeBytes)).padStart(10)}  ${printable(path)}`;
}

/** Renders chains of references, each step with the files that make it. */
export function renderWhy(reasons: readonly Why[]): string {
  return reasons.map(renderChain).join('\n\n');
}

function renderChain({ target, steps }: Why): string {
  if (steps.length === 0)
    return `${target}\n  no other store path refers to it: it was asked for, or opened while traced`;
  return steps
    .flatMap(({ storePath, because }, index) => [
      ...because.map((file) => `${indent(index - 1)}   ${printable(file)}`),
      `${indent(index - 1)}${index === 0 ? '' : '└─ '}${storePath}`,
    ])
    .join('\n');
}

function indent(depth: number): string {
  return '   '.repeat(Math.max(0, depth));
}
