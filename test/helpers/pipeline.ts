/** Values of YAML: `run: COMMAND`, `run: |` with the lines that are indented further, `- COMMAND` below `script:`. */

/**
 * Reads the shell of a pipeline: what stands behind `run:`, and the items of `script:` and `before_script:`, in the order
 * of the file. It knows as much of YAML as our own files need.
 */
export function shellSteps(yaml: string): string[] {
  const lines = yaml.split('\n');
  const steps: string[] = [];
  for (const [index, line] of lines.entries()) {
    const [, indent = '', key, value = ''] =
      /^(\s*(?:- )?)(run|script|before_script):\s*(.*)$/.exec(line) ?? [];
    if (key === undefined) continue;
    const below = blockBelow(lines.slice(index + 1), indent.length);
    if (value === '|') steps.push(below.join('\n'));
    else if (value !== '') steps.push(value);
    else steps.push(...below.map((item) => item.replace(/^- /, '')));
  }
  return steps;
}

/** Returns the lines that are indented further than `depth`, without what they have in common. */
function blockBelow(lines: readonly string[], depth: number): string[] {
  const end = lines.findIndex((line) => line.trim() !== '' && indentOf(line) <= depth);
  const block = lines.slice(0, end < 0 ? lines.length : end).filter((line) => line.trim() !== '');
  const common = Math.min(...block.map(indentOf));
  return block.map((line) => line.slice(common));
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}
