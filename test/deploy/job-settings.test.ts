import { describe, expect, it } from 'vitest';
import { parseJobSettings } from '../../deploy/parse-job-settings.ts';
import { referenceProblem } from '../../deploy/runtime-reference.ts';
import { sampleArtifact } from './sample.ts';

const parse = (input: Parameters<typeof parseJobSettings>[0]) => parseJobSettings(input, sampleArtifact());

describe('job settings', () => {
  it('are complete without any flag', () => {
    expect(parse({})).toMatchObject({
      id: 'web',
      group: 'web',
      task: 'web',
      type: 'service',
      datacenters: ['*'],
      count: null,
      cpu: 100,
      memory: 300,
      port: null,
      killSignal: 'SIGTERM',
      arch: 'x86_64',
      fileName: 'web',
    });
  });

  it('report every problem at once', () => {
    const input = {
      job: 'a b',
      count: '-1',
      memory: '512MB',
      port: 'http:70000',
      env: ['=x'],
      datacenter: [''],
      killTimeout: '10',
      type: 'daemon',
      arg: ['ok', `\${HOME}`],
    };
    expect(() => parse(input)).toThrow(
      expect.objectContaining({
        code: 'job-settings-invalid',
        exitCode: 2,
        hint: 'see saddlebag deploy --help',
      }),
    );
    expect(() => parse(input)).toThrow(
      'cannot write the job of a b: job: expected text without blanks, $ and % (at most 128), got "a b"; ' +
        'env: expected NAME=VALUE, got "=x"; ' +
        `arg 2: Nomad knows no \${HOME}: write $\${HOME} for the text itself; ` +
        'memory: expected MiB as a whole number of at least 10, got "512MB"; ' +
        'type: expected service or batch, got "daemon"; ' +
        'datacenter: expected a name, or a pattern with *, got ""; ' +
        'count: expected a whole number from 0 to 100000, got "-1"; ' +
        'port: expected LABEL, LABEL:NUMBER or NUMBER (1 to 65535), got "http:70000"; ' +
        'kill-timeout: expected a duration like 30s or 1h30m, got "10"',
    );
  });

  it.each([
    [true, { label: 'http', number: null }],
    ['admin', { label: 'admin', number: null }],
    ['admin:8080', { label: 'admin', number: 8080 }],
    ['8080', { label: 'http', number: 8080 }],
  ] as const)('read the port %s', (port, expected) => {
    expect(parse({ port }).port).toEqual(expected);
  });

  it.each(['', ':80', 'a:', 'a:0', 'a:65536', 'a:80:81', 'a-b', 'a:8x'])('refuse the port "%s"', (port) => {
    expect(() => parse({ port })).toThrow('port: expected LABEL');
  });

  it.each([
    [{ checkPath: '/' }, 'check-path: it needs a port to ask'],
    [{ checkPath: 'x', port: 'http' }, 'check-path: expected a path that begins with /'],
    [{ memory: '200', memoryMax: '100' }, 'memory-max: expected MiB as a whole number of at least 200'],
    [{ minHealthyTime: '5m' }, 'update: expected min-healthy-time < healthy-deadline < progress-deadline'],
    [{ arch: 'aarch64' }, 'arch: the bundle is for x86_64, not for aarch64'],
    [{ env: ['A=\0'] }, 'env: expected text without NUL, got "A"'],
    [{ task: 'a/b' }, 'task: expected letters, digits'],
  ] as const)('refuse %o', (input, problem) => {
    expect(() => parse(input)).toThrow(problem);
  });

  it('keep a variable that is called __proto__, and values with = in them', () => {
    expect(Object.entries(parse({ env: ['__proto__=1', 'URL=a=b', 'EMPTY='] }).env)).toEqual([
      ['__proto__', '1'],
      ['URL', 'a=b'],
      ['EMPTY', ''],
    ]);
  });

  it('know PORT in an argument where there is a port', () => {
    const arg = [`--port=\${PORT}`];
    expect(parse({ arg, port: 'http' }).args).toEqual(arg);
    expect(() => parse({ arg })).toThrow('arg 1: Nomad knows no');
  });

  it('make a group and a file name of any name', () => {
    const settings = parseJobSettings(
      { job: 'team/web ü'.replace(' ', '') },
      sampleArtifact({ name: '../é' }),
    );
    expect(settings).toMatchObject({ id: 'team/webü', group: 'team-web-', fileName: 'app' });
  });
});

describe('a reference in an argument', () => {
  const env = { PORT: '1' };

  it.each([
    `\${NOMAD_PORT_http}`,
    `\${attr.cpu.arch}`,
    `\${env["HOME"]}`,
    `\${PORT}`,
    `$\${ANY}`,
    '%%{if}',
    '100%',
    '$5 {x}',
  ])('is let through as %s', (text) => {
    expect(referenceProblem(text, env)).toBeUndefined();
  });

  it.each([
    [`\${HOME}`, `Nomad knows no \${HOME}: write $\${HOME} for the text itself`],
    [`a \${NOMAD_PORT_http`, `\${NOMAD_PORT_http is not closed`],
    ['%{if x}', 'Nomad evaluates %{…}: write %%{ for the text itself'],
    [`\${toString}`, `Nomad knows no \${toString}`],
  ])('is refused as %s', (text, problem) => {
    expect(referenceProblem(text, env)).toContain(problem);
  });
});
