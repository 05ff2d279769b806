import { describe, expect, it } from 'vitest';
import { parseHcl } from '../../../../src/core/hcl/parse.ts';
import { findCalls, findVariables } from '../../../../src/core/hcl/query.ts';

const text = `
# file("in a comment")
a = file("one") // file("two")
b = "file(\\"no call\\") \${upper(file( # why
  "three"))} $\${file(escaped)}"
c = <<-EOT
  file("text") \${filebase64(var.path)} %{ if fileexists("four") }x%{ endif }
  EOT
d = local.file("no function")
file "label" { file = var.path == var["x"] ? 1 : x.var.y }
`;

describe('calls', () => {
  const document = parseHcl(text);

  it('are found wherever they are evaluated, and nowhere else', () => {
    expect(document.problems).toEqual([]);
    const calls = findCalls(document, new Set(['file', 'filebase64', 'fileexists']));
    expect(calls.map(({ start, end }) => text.slice(start, end).replace(/#.*\n\s*/, ''))).toEqual([
      'file("one")',
      'file( "three")',
      'filebase64(var.path)',
      'fileexists("four")',
    ]);
    expect(calls.map(({ argumentTokens }) => argumentTokens.map((token) => token.text).join(' '))).toEqual([
      '" one "',
      '" three "',
      'var . path',
      '" four "',
    ]);
    expect(calls[0]?.at).toMatchObject({ line: 3, column: 5 });
  });

  it('and variables by their names', () => {
    expect(findVariables(document)).toEqual(['path']);
  });
});
