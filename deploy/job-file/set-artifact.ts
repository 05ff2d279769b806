import { attributeOf, blocksOf, literalTextOf } from '../../src/core/hcl/query.ts';
import { quoteText } from '../../src/core/hcl/string.ts';
import type { HclBlock, HclDocument, HclExpression } from '../../src/core/hcl/syntax.ts';
import type { DeployArtifact } from '../artifact/artifact.ts';
import {
  type ArtifactFields,
  chooseArtifact,
  isCommandOf,
  isTaken,
  placeOf,
  plainFileName,
} from './artifact-place.ts';
import type { HclEditor, Setting } from './edit.ts';
import { jobFileUnsupported } from './job-file.ts';
import { type TaskBlock, titleOf } from './tasks.ts';

/** A job file with its editor. */
export interface EditedFile {
  readonly name: string;
  readonly document: HclDocument;
  readonly editor: HclEditor;
}

/**
 * Sets a task's artifact and command in a job file. The artifact block that brings the command is edited, its other
 * settings (credentials, headers, region) stay; where there is none, one is added. Destination and command are only
 * changed where the file would land under another name than the command asks for.
 * @throws {SaddlebagError} `job-file-unsupported` with line and column, where what must change is computed
 */
export function setArtifact(file: EditedFile, task: TaskBlock, artifact: DeployArtifact): void {
  const configs = blocksOf(task.block.body, 'config');
  const [config] = configs;
  if (configs.length > 1)
    throw jobFileUnsupported(file.name, 'the task has two config blocks', { at: configs[1]?.at });
  const computed = attributeOf(task.block.body, 'config');
  if (computed !== undefined)
    throw jobFileUnsupported(file.name, 'config is no block here', { at: computed.at });
  const command = config === undefined ? undefined : commandOf(file, config);
  const blocks = blocksOf(task.block.body, 'artifact');
  const fields = blocks.map((one) => fieldsOf(file, one));
  const chosen = chooseArtifact(fields, { command, fileName: plainFileName(artifact) });
  const block = chosen === undefined ? undefined : blocks[chosen];
  const before = chosen === undefined ? undefined : fields[chosen];
  const staysInPlace = before?.mode === 'file' && isCommandOf(command, placeOf(before));
  const place = staysInPlace ? undefined : `local/${plainFileName(artifact)}`;
  if (place !== undefined && isTaken(fields, chosen, place)) throw placeTaken(file, task, place);
  if (block === undefined) addArtifact(file, task, artifact);
  else editArtifact(file, block, { artifact, place });
  if (place !== undefined) setCommand(file, task, { config, place });
}

function placeTaken({ name }: EditedFile, task: TaskBlock, place: string) {
  const reason = `another artifact of task ${titleOf(task)} lands at ${place}`;
  return jobFileUnsupported(name, reason, {
    at: task.block.at,
    hint: `have the command start ${place}, or give the other another destination`,
  });
}

function commandOf({ document }: EditedFile, config: HclBlock): string | undefined {
  const value = attributeOf(config.body, 'command')?.value;
  return value === undefined ? undefined : textOf(document, value);
}

/** Returns what an expression says, as far as it can be told: of a string with interpolation, the text as written. */
function textOf(document: HclDocument, value: HclExpression): string | undefined {
  if (value.kind === 'literal') return typeof value.value === 'string' ? value.value : undefined;
  const written = document.text.slice(value.start, value.end);
  return value.kind === 'template' && written.startsWith('"') ? written.slice(1, -1) : undefined;
}

function fieldsOf({ document }: EditedFile, { body }: HclBlock): ArtifactFields {
  const source = attributeOf(body, 'source')?.value;
  const destination = attributeOf(body, 'destination')?.value;
  return {
    source: source === undefined ? undefined : textOf(document, source),
    // Nomad's defaults; a computed one is no place that could be compared.
    destination: destination === undefined ? 'local/' : textOf(document, destination),
    mode: attributeOf(body, 'mode') === undefined ? 'any' : literalTextOf(body, 'mode'),
  };
}

function editArtifact(
  file: EditedFile,
  block: HclBlock,
  { artifact, place }: { readonly artifact: DeployArtifact; readonly place: string | undefined },
): void {
  const { url } = artifact.source;
  const moved: Setting[] =
    place === undefined
      ? []
      : [
          ['destination', quoteText(place)],
          ['mode', '"file"'],
        ];
  const computed = attributeOf(block.body, 'options');
  if (computed !== undefined)
    throw jobFileUnsupported(file.name, 'options is no block here', { at: computed.at });
  file.editor.setAttributes(block, [['source', quoteText(url)], ...moved]);
  const [options] = blocksOf(block.body, 'options');
  if (options !== undefined) {
    setOptionsBlock(file, options, artifact);
    return;
  }
  const last = block.body.items.at(-1);
  if (last === undefined || last.at.line === block.at.line) {
    throw jobFileUnsupported(file.name, 'the artifact block is on one line', { at: block.at, hint: onLines });
  }
  const rows = optionsOf(artifact).map(([name, value]) => `  ${name.padEnd(8)} = ${value}`);
  file.editor.addBlockAfter(last, ['options {', ...rows, '}']);
}

const onLines = 'write each of its settings on a line of its own';

function optionsOf({ source }: DeployArtifact): Setting[] {
  return [
    ['archive', '"false"'],
    ['checksum', quoteText(source.checksum)],
  ];
}

function setOptionsBlock(file: EditedFile, options: HclBlock, artifact: DeployArtifact): void {
  const pinned = attributeOf(options.body, 'version');
  if (pinned !== undefined) throw pinsVersion(file, pinned);
  file.editor.setAttributes(options, optionsOf(artifact));
}

function pinsVersion(file: EditedFile, { at }: { readonly at: HclBlock['at'] }) {
  return jobFileUnsupported(file.name, 'options.version pins another object', {
    at,
    hint: 'take it out: the checksum pins the file',
  });
}

function addArtifact(file: EditedFile, task: TaskBlock, artifact: DeployArtifact): void {
  const lines = [
    'artifact {',
    `  source      = ${quoteText(artifact.source.url)}`,
    `  destination = ${quoteText(`local/${plainFileName(artifact)}`)}`,
    '  mode        = "file"',
    '',
    '  options {',
    ...optionsOf(artifact).map(([name, value]) => `    ${name.padEnd(8)} = ${value}`),
    '  }',
    '}',
  ];
  const { body } = task.block;
  const before = blocksOf(body, 'artifact').at(-1) ?? blocksOf(body, 'config').at(-1) ?? body.items.at(-1);
  file.editor.addBlockAfter(onOwnLine(file, task, before), lines);
}

function setCommand(
  file: EditedFile,
  task: TaskBlock,
  { config, place }: { readonly config: HclBlock | undefined; readonly place: string },
): void {
  if (config !== undefined) {
    file.editor.setAttributes(config, [['command', quoteText(place)]]);
    return;
  }
  const { items } = task.block.body;
  const before = items.findLast(({ kind }) => kind === 'attribute') ?? items.at(-1);
  file.editor.addBlockAfter(onOwnLine(file, task, before), [
    'config {',
    `  command = ${quoteText(place)}`,
    '}',
  ]);
}

function onOwnLine<T extends { readonly at: HclBlock['at'] }>(
  file: EditedFile,
  task: TaskBlock,
  item: T | undefined,
): T {
  if (item !== undefined && item.at.line > task.block.at.line) return item;
  throw jobFileUnsupported(file.name, `task ${titleOf(task)} is on one line`, {
    at: task.block.at,
    hint: onLines,
  });
}
