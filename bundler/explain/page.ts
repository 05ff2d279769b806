import type { Bundle } from '../../src/core/types.ts';
import { formatBytes } from '../../src/core/units.ts';
import { type Duplicate, largestFiles, type Member, memberPath, wastedBytes } from './members.ts';
import { layOutTreemap, type Tile } from './treemap.ts';

const page = { width: 1600, height: 900 };
const rowsShown = 30;
/** About the width of a character of the labels. */
const characterWidth = 6.6;
const leastLabel = { width: 34, height: 15 };

const style = `
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { margin: 1.5rem auto; max-width: 110rem; padding: 0 1.5rem; }
h1 { font-size: 1.3rem; margin: 0; }
h2 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
svg { width: 100%; height: auto; font: 11px system-ui, sans-serif; margin-top: 1rem; }
svg text { pointer-events: none; fill: #14181f; }
rect { stroke: #0003; stroke-width: .5; }
rect:hover { stroke: #000; stroke-width: 2; }
table { border-collapse: collapse; }
td, th { padding: .1rem 1rem .1rem 0; text-align: left; vertical-align: top; }
td.size, th.size { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td { font-family: ui-monospace, monospace; font-size: .85rem; overflow-wrap: anywhere; }
`;

/**
 * Renders a bundle's sizes as one self-contained HTML page, without scripts: a treemap, the largest files, duplicates.
 * Names come from the bundle and are escaped.
 */
export function renderSizePage(
  bundle: Bundle,
  members: readonly Member[],
  duplicates: readonly Duplicate[],
): string {
  const title = [bundle.name, bundle.appVersion].join(' ').trim();
  const { image } = bundle;
  const facts = `${formatBytes(bundle.sizeBytes)} as a file, ${formatBytes(image.contentBytes)} extracted, ${image.paths.length} store paths, ${bundle.arch}`;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeHtml(title)}: what takes the space</title>
<style>${style}</style>
<h1>${escapeHtml(title)}</h1>
<p>${escapeHtml(facts)}</p>
${renderMap(layOutTreemap(members, page))}
<h2>Largest files</h2>
${renderTable(
  ['size', 'file'],
  largestFiles(members, rowsShown).map((file) => [formatBytes(file.sizeBytes), [memberPath(file)]]),
)}
<h2>The same content in several store paths</h2>
${
  duplicates.length === 0
    ? '<p>None.</p>'
    : renderTable(
        ['wasted', 'files'],
        duplicates.slice(0, rowsShown).map((one) => [formatBytes(wastedBytes(one)), one.files]),
      )
}
</html>
`;
}

function renderMap(tiles: readonly Tile[]): string {
  return `<svg viewBox="0 0 ${page.width} ${page.height}" role="img" aria-label="Treemap of sizes">
${tiles.map(renderTile).join('\n')}
</svg>`;
}

function renderTile(tile: Tile): string {
  const { left, top, width, height } = tile;
  const title = escapeHtml(`${tile.title} (${formatBytes(tile.sizeBytes)})`);
  const place = `x="${round(left)}" y="${round(top)}" width="${round(width)}" height="${round(height)}"`;
  return `<g><rect ${place} fill="${colorOf(tile)}"><title>${title}</title></rect>${renderLabel(tile)}</g>`;
}

function renderLabel({ label, sizeBytes, isFile, left, top, width, height }: Tile): string {
  if (width < leastLabel.width || height < leastLabel.height) return '';
  const room = Math.floor((width - 6) / characterWidth);
  const full = isFile ? label : `${label} ${formatBytes(sizeBytes)}`;
  const text = full.length <= room ? full : `${label.slice(0, Math.max(1, room - 1))}…`;
  return `<text x="${round(left + 4)}" y="${round(top + 12)}">${escapeHtml(text)}</text>`;
}

/** Neighbouring store paths get far hues; what lies deeper is lighter. */
function colorOf({ group, depth }: Tile): string {
  return `hsl(${Math.round((group * 137.5) % 360)} 55% ${Math.min(88, 66 + 4 * depth)}%)`;
}

function renderTable(
  [first, second]: readonly [string, string],
  rows: readonly (readonly [string, readonly string[]])[],
): string {
  const body = rows.map(
    ([size, names]) => `<tr><td class="size">${escapeHtml(size)}<td>${names.map(escapeHtml).join('<br>')}`,
  );
  return `<table>\n<tr><th class="size">${first}<th>${second}\n${body.join('\n')}\n</table>`;
}

function round(value: number): string {
  return value.toFixed(1);
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** Makes text from the bundle safe inside an element or a quoted attribute; controls become visible signs. */
function escapeHtml(text: string): string {
  return text
    .replaceAll(/[&<>"]/g, (character) => entities[character] ?? '')
    .replaceAll(/\p{Cc}/gu, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
