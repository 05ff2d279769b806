import hcl2 from 'hcl2-parser';
import { describe, expect, it } from 'vitest';
import { parseHcl } from '../../../../src/core/hcl/parse.ts';
import type { HclAttribute, HclBlock, HclBody } from '../../../../src/core/hcl/syntax.ts';
import { randomFrom } from '../../../helpers/random.ts';
import { rounds } from '../../../helpers/rounds.ts';

/** A file with each thing that makes HCL hard to cut: see the expectations below. */
const sample = `\uFEFF# a job { with braces in comments
/* and } of
   the other kind */
locals { port = 8080 } // one line
variable "image" {
  default = "ü\${upper("a}b")}"
}
job "über" {
  datacenters = [
    "dc1", // first {
    "dc2",
  ]
  meta = { "a.b" = 1, c : var.x.y }
  count = var.n > 1 ? 2 : -3
  group web {
    dynamic "port" {
      for_each = { for k, v in var.ports : k => v if v != 0 }
    }
    template {
      data = <<-EOT
        {{ range service "x" }} \${NOMAD_ALLOC_ID} "unclosed {
        %{ if true ~} $\${not} EOT %{ endif ~}
        EOT
      empty = <<END
END
    }
  }
}
`;

function attributes(body: HclBody): HclAttribute[] {
  return body.items.flatMap((item) => (item.kind === 'attribute' ? [item] : attributes(item.body)));
}

function blocks(body: HclBody): HclBlock[] {
  return body.items.flatMap((item) => (item.kind === 'block' ? [item, ...blocks(item.body)] : []));
}

describe('the structure of a file', () => {
  const document = parseHcl(sample);

  it('has every block with its labels', () => {
    expect(document.problems).toEqual([]);
    const names = blocks(document.body).map(({ type, labels }) => [
      type,
      ...labels.map(({ value }) => value),
    ]);
    expect(names).toEqual([
      ['locals'],
      ['variable', 'image'],
      ['job', 'über'],
      ['group', 'web'],
      ['dynamic', 'port'],
      ['template'],
    ]);
  });

  it('has every attribute with its text, and the value of what is not computed', () => {
    const found = attributes(document.body);
    const texts = found.map(({ name, value }) => [name, value.kind, sample.slice(value.start, value.end)]);
    expect(texts.slice(0, 5)).toEqual([
      ['port', 'literal', '8080'],
      ['default', 'template', `"ü\${upper("a}b")}"`],
      ['datacenters', 'list', '[\n    "dc1", // first {\n    "dc2",\n  ]'],
      ['meta', 'object', '{ "a.b" = 1, c : var.x.y }'],
      ['count', 'other', 'var.n > 1 ? 2 : -3'],
    ]);
    expect(texts.slice(5).map(([name, kind]) => [name, kind])).toEqual([
      ['for_each', 'other'],
      ['data', 'template'],
      ['empty', 'template'],
    ]);
    expect(found.find(({ name }) => name === 'meta')?.value).toMatchObject({
      items: [
        { key: 'a.b', value: { kind: 'literal', value: 1 } },
        { key: 'c', value: { kind: 'reference', path: ['var', 'x', 'y'] } },
      ],
    });
  });

  it('says where each stands: in bytes, lines and characters', () => {
    for (const item of [...attributes(document.body), ...blocks(document.body)]) {
      const before = sample.slice(0, item.start);
      const lastLine = before.split('\n').at(-1) ?? '';
      expect(item.at).toEqual({
        byteOffset: Buffer.byteLength(before),
        line: before.split('\n').length,
        column: [...lastLine.replace('\uFEFF', '')].length + 1,
      });
      const name = item.kind === 'block' ? item.type : item.name;
      expect(sample.slice(item.start, item.start + name.length)).toBe(name);
    }
  });
});

describe('a literal', () => {
  it.each([
    ['"a\\tb\\"c\\\\"', 'a\tb"c\\'],
    ['"\\u00fc\\U0001F695"', 'ü🚕'],
    [`"$\${x} %%{y} $$ 100%"`, `\${x} %{y} $$ 100%`],
    ['1.5e3', 1500],
    ['-7', -7],
    ['true', true],
    ['null', null],
  ])('%s is %j', (text, value) => {
    const { body, problems } = parseHcl(`a = ${text}\n`);
    expect(problems).toEqual([]);
    expect(body.items).toMatchObject([{ value: { kind: 'literal', value } }]);
  });
});

describe('a broken structure', () => {
  it.each([
    ['a {\n  b = 1\n', '1:1 block a opens here and is never closed: its } is missing'],
    ['a {\n  b "c" {\n    d = 1\n}\n', '2:3 block b "c" opens here and is never closed: its } is missing'],
    ['a {\n}\n}\n', '3:1 this } closes nothing'],
    ['a = [1,\n  2\n', '1:5 this [ is never closed: its ] is missing'],
    ['a = f(1]\n', '1:8 expected ) (( opened at 1:6), got ]'],
    ['a = "b\nc = 1\n', '1:7 this string is never closed: its second " is missing on the line'],
    [`a = "b \${c"\n`, '1:12 this string is never closed: its second " is missing on the line'],
    ['a = <<X\nb\n', '3:1 this heredoc is never closed: a line of nothing but X is missing'],
    ['/* a', '1:1 this comment is never closed: its */ is missing'],
    ["a = 'b'\n", '1:5 \' is no quote: strings are written with "'],
    ['a = 1; b = 2\n', '1:6 ; is no separator: an attribute ends with its line'],
    ['a = 1 b = 2\n', '1:7 expected an operator or the end of the line, got b'],
    ['a { b = 1, c = 2 }\n', '1:10 expected an operator or the end of the line, got ,'],
    ['a { b { } }\n', '1:5 a block on one line holds one attribute, and no block'],
    ['a\n{\n}\n', '1:2 expected = or { after a, got the end of the line'],
    ['"a" = 1\n', '1:1 expected the name of an attribute or block, got a string'],
    ['a =\n', '1:4 expected a value, got the end of the line'],
    ['a = 1 +\n', '1:8 expected a value after +, got the end of the line'],
    ['a = { b = 1 c = 2 }\n', '1:13 expected an operator or the end of the line, got c'],
    [`${'['.repeat(5_000)}`, '1:1 expected the name of an attribute or block, got ['],
    [`a = ${'['.repeat(5_000)}`, '1:205 more than 200 levels deep'],
    ['a {\n'.repeat(5_000), '201:4 more than 200 levels deep'],
    [`a = ${'{'.repeat(5_000)}`, '1:205 more than 200 levels deep'],
    // HCL's own parser writes out its ten million digits.
    ['a = 1e9999999\n', '1:5 this number is out of range'],
    [`a = "\${${'9'.repeat(5_000)}}"\n`, '1:8 this number is out of range'],
  ])('%#', (text, expected) => {
    const [problem] = parseHcl(text).problems;
    expect(`${problem?.at.line}:${problem?.at.column} ${problem?.reason}`).toBe(expected);
  });

  it('names each line that is wrong, and reads the others', () => {
    const { body, problems } = parseHcl('a = 1\n= 2\nb {\n  c\n  d = 4\n}\ne = ]\nf = 5\n');
    expect(problems.map(({ at }) => at.line)).toEqual([2, 4, 7]);
    expect(attributes(body).map(({ name }) => name)).toEqual(['a', 'd', 'f']);
  });

  it.each([
    ['of two blocks', 'a { b { c = 1 } }\nd = 1 1\n'],
    ['of two attributes', 'a {\n  b { c = 1, d = 2 }\n}\nd = 1 1\n'],
    ['that goes on after its first line', 'a { b = 1\n  c = 2\n}\nd = 1 1\n'],
  ])('blames a block on one line %s once, and no brace after it', (_, text) => {
    const { body, problems } = parseHcl(text);
    expect(problems.map(({ reason }) => reason)).toEqual([
      expect.stringMatching(/one line|got ,/),
      'expected an operator or the end of the line, got 1',
    ]);
    expect(body.items).toMatchObject([{ kind: 'block', type: 'a' }]);
  });
});

describe('any text', () => {
  const pieces = [
    '{',
    '}',
    '[',
    ']',
    '(',
    ')',
    '"',
    '\\',
    `\${`,
    '%{',
    '~}',
    '$',
    '<<E\n',
    '<<-E\n',
    'E\n',
    '\n',
  ];
  const words = [
    'a',
    ' = ',
    '1',
    ',',
    '#',
    '//',
    '/*',
    '*/',
    'job "x" {\n',
    'é',
    '🚕',
    '\uD800',
    '\uFEFF',
    ' ',
  ];
  const all = [...pieces, ...words, '.', 'for', '\r\n', '\r'];
  const { below: random, pick: pickFrom } = randomFrom(1);
  const pick = () => pickFrom(all);
  const mutate = (text: string) => {
    const at = random(text.length);
    return text.slice(0, at) + (random(3) === 0 ? '' : pick()) + text.slice(at + random(4));
  };
  const tries = rounds({ quick: 500, full: 20_000 });
  const garbage = Array.from({ length: tries }, () => Array.from({ length: random(60) }, pick).join(''));
  const mutants = Array.from({ length: tries }, () => mutate(sample));

  it('is read without throwing, and its tokens are the text with nothing but blanks between', () => {
    for (const text of [...garbage, ...mutants]) {
      const { tokens, problems } = parseHcl(text);
      let rebuilt = '';
      let end = 0;
      for (const token of tokens) {
        rebuilt += text.slice(end, token.start).replace(/[^ \t\uFEFF]/g, '!') + token.text;
        end = token.end;
      }
      expect(rebuilt).toBe(text);
      expect(problems.length).toBeLessThanOrEqual(20);
    }
  });

  it('that HCL takes has no problem', () => {
    const taken = mutants
      .slice(0, rounds({ quick: 40, full: 500 }))
      .filter((text) => hcl2.parseToString(text)[1] === null);
    expect(taken.length).toBeGreaterThan(10);
    for (const text of taken) expect(parseHcl(text).problems, text).toEqual([]);
  });
});
