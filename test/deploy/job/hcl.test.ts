import hcl2 from 'hcl2-parser';
import { describe, expect, it } from 'vitest';
import { attribute, block, comment, quote, renderHclBody } from '../../../deploy/job/hcl.ts';
import { renderHcl } from '../../../deploy/job/job-hcl.ts';
import { sampleJobSpec } from '../sample.ts';

describe('a quoted string', () => {
  it.each([
    ['plain', '"plain"'],
    ['a "b" \\ c', '"a \\"b\\" \\\\ c"'],
    ['1\n2\r3\t4', '"1\\n2\\r3\\t4"'],
    ['\u0001\u2028', '"\\u0001\\u2028"'],
    ['ü 🚕', '"ü 🚕"'],
    [`\${NOMAD_PORT_http}`, `"\${NOMAD_PORT_http}"`],
    [`\${attr.cpu.arch}`, `"\${attr.cpu.arch}"`],
    [`\${FOO}`, `"$\${FOO}"`],
    [`$\${FOO}`, `"$$\${FOO}"`],
    [`$\${NOMAD_X}`, `"$$\${NOMAD_X}"`],
    [`\${NOMAD_X}}`, `"$\${NOMAD_X}}"`],
    ['%{if}', '"%%{if}"'],
    ['100% $5 $$', '"100% $5 $$"'],
  ])('of %j is %s', (text, quoted) => {
    expect(quote(text)).toBe(quoted);
  });
});

describe('a body', () => {
  it('aligns runs of attributes and sets blocks apart', () => {
    const text = renderHclBody([
      comment('Why.'),
      ...attribute('a', 1),
      ...attribute('longer', true),
      ...attribute('absent', undefined),
      ...attribute('map', { x: '1', 'y-z': '2', for: '3' }),
      ...attribute('b', ['1', '2']),
      block('empty', ['label'], []),
      block('full', [], attribute('c', 'd')),
    ]);
    expect(text).toBe(
      [
        '# Why.',
        'a      = 1',
        'longer = true',
        '',
        'map = {',
        '  x     = "1"',
        '  "y-z" = "2"',
        '  "for" = "3"',
        '}',
        '',
        'b = ["1", "2"]',
        '',
        'empty "label" {}',
        '',
        'full {',
        '  c = "d"',
        '}',
        '',
      ].join('\n'),
    );
  });
});

describe('the file of a job', () => {
  it('parses as HCL and says what the job says', () => {
    const input = {
      port: ['admin:8080'],
      checkPath: '/up',
      env: ['PLAIN=1', 'Q=say "hi" \\', 'NL=a\nb', 'U=ü🚕', 'A-B.C=x', 'E='],
      arg: ['--verbose', 'a b'],
      count: '3',
      memoryMax: '900',
      user: 'web',
      namespace: 'apps',
      priority: '70',
    };
    const [parsed] = hcl2.parseToObject(renderHcl(sampleJobSpec(input)));
    const job = parsed.job.web[0];
    expect(job).toMatchObject({ namespace: 'apps', priority: 70, type: 'service', datacenters: ['*'] });
    const group = job.group.web[0];
    expect(group).toMatchObject({
      count: 3,
      network: [{ port: { admin: [{ static: 8080 }] } }],
      service: [{ port: 'admin', provider: 'nomad', check: [{ type: 'http', path: '/up' }] }],
    });
    expect(group.task.web[0]).toMatchObject({
      driver: 'exec',
      user: 'web',
      config: [{ command: 'local/web', args: ['--verbose', 'a b'] }],
      artifact: [{ mode: 'file', destination: 'local/web', options: [{ archive: 'false' }] }],
      env: { PLAIN: '1', Q: 'say "hi" \\', NL: 'a\nb', U: 'ü🚕', 'A-B.C': 'x', E: '' },
      resources: [{ cpu: 100, memory: 300, memory_max: 900 }],
    });
  });
});
