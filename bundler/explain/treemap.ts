import { hierarchy, treemap, treemapSquarify } from 'd3-hierarchy';
import { storePathName } from '../../src/core/store-path.ts';
import { type Member, memberPath } from './members.ts';

/** A rectangle of the treemap; places in units of the page. */
export interface Tile {
  /** For people: the full path, or what was put together. */
  readonly title: string;
  /** What is written in it: a last component, or the name of a store path. */
  readonly label: string;
  readonly sizeBytes: number;
  /** 1 for store paths, more for what lies in them. */
  readonly depth: number;
  /** Number of its store path, for its colour. */
  readonly group: number;
  readonly isFile: boolean;
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

interface Node {
  readonly title: string;
  readonly label: string;
  readonly sizeBytes: number;
  readonly group: number;
  readonly isFile: boolean;
  readonly children: readonly Node[];
}

/** What takes less than this share of all is put together with its like. */
const leastShare = 0.0004;
const headingHeight = 17;

/** Lays the files of a bundle out as a squarified treemap: store paths, their directories, their files. */
export function layOutTreemap(
  members: readonly Member[],
  page: { readonly width: number; readonly height: number },
): Tile[] {
  const files = members.filter(({ kind, sizeBytes }) => kind === 'file' && sizeBytes > 0);
  const leastBytes = leastShare * files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const groups = [...Map.groupBy(files, ({ storePath }) => storePath)];
  const children = groups.map(([storePath, own], group) => ({
    ...makeNode({ title: storePath, label: storePathName(storePath), group }, own, leastBytes),
  }));
  const root = hierarchy<Node>(
    {
      title: '',
      label: '',
      sizeBytes: 0,
      group: 0,
      isFile: false,
      children: mergeSmall(children, leastBytes),
    },
    (node) => node.children as Node[],
  )
    .sum(({ children: below, sizeBytes }) => (below.length === 0 ? sizeBytes : 0))
    .sort((a, b) => (b.value ?? 0) - (a.value ?? 0) || (a.data.title < b.data.title ? -1 : 1));
  const layOut = treemap<Node>()
    .tile(treemapSquarify)
    .size([page.width, page.height])
    .paddingInner(1)
    .paddingOuter(2)
    .paddingTop(({ depth }) => (depth === 0 ? 0 : headingHeight));
  return layOut(root)
    .descendants()
    .filter(({ depth }) => depth > 0)
    .map(({ data, depth, value, x0, x1, y0, y1 }) => ({
      title: data.title,
      label: data.label,
      sizeBytes: value ?? 0,
      depth,
      group: data.group,
      isFile: data.isFile,
      left: x0,
      top: y0,
      width: x1 - x0,
      height: y1 - y0,
    }));
}

type Named = Pick<Node, 'title' | 'label' | 'group'>;

/** Makes the node of a directory out of the files below it; `depth` components of their paths are its own. */
function makeNode(named: Named, files: readonly Member[], leastBytes: number, depth = 0): Node {
  const [only] = files;
  if (files.length === 1 && only !== undefined && componentsOf(only).length <= depth) {
    return { ...named, sizeBytes: only.sizeBytes, isFile: true, children: [] };
  }
  const below = Map.groupBy(files, (file) => componentsOf(file)[depth] ?? '');
  const children = [...below].map(([name, own]) =>
    makeNode(
      { title: `${named.title}/${name}`, label: name, group: named.group },
      own,
      leastBytes,
      depth + 1,
    ),
  );
  return { ...named, sizeBytes: 0, isFile: false, children: mergeSmall(children, leastBytes) };
}

function componentsOf(file: Member): string[] {
  return memberPath(file).slice(file.storePath.length).split('/').filter(Boolean);
}

/** Puts what is too small to be seen together into one node. */
function mergeSmall(nodes: readonly Node[], leastBytes: number): Node[] {
  const [small, large] = [true, false].map((isSmall) =>
    nodes.filter((node) => sumOf(node) < leastBytes === isSmall),
  );
  const [first] = small ?? [];
  if (first === undefined || small === undefined || small.length === 1) return [...nodes];
  const label = `${small.length} smaller`;
  const parent = first.title.slice(0, first.title.lastIndexOf('/'));
  const merged = {
    title: `${parent}: ${label}`,
    label,
    group: first.group,
    isFile: true,
    sizeBytes: small.reduce((sum, node) => sum + sumOf(node), 0),
    children: [],
  };
  return [...(large ?? []), merged];
}

function sumOf({ sizeBytes, children }: Node): number {
  return children.reduce((sum, child) => sum + sumOf(child), sizeBytes);
}
