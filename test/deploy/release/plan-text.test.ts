import { describe, expect, it } from 'vitest';
import { renderPlan } from '../../../deploy/release/plan-text.ts';
import { readRecording } from './recorded.ts';

function planOf(name: string) {
  const plan = readRecording(name).plans.at(-1);
  if (plan === undefined) throw new Error(`${name} has no plan`);
  return plan;
}

describe('a recorded plan', () => {
  it('of a release shows the two lines that change, and what follows', () => {
    const text = renderPlan('web', planOf('crash-reverted')).replace(/"[^"]*"(?= → )|(?<= → )"[^"]*"/g, '…');
    expect(text.split('\n')).toEqual([
      '~ job "crash-reverted"',
      '    ~ group "web"',
      '        ~ task "web"',
      '            ~ Artifact',
      '                ~ GetterOptions[checksum]: … → …',
      '                ~ GetterSource: … → …',
      'group "web": replace 1',
    ]);
  });

  it('of a new job leaves out what is empty and writes durations', () => {
    const text = renderPlan('web', planOf('healthy'));
    expect(text).toContain('+ job "healthy"\n');
    expect(text).toContain('+ ProgressDeadline: 10m\n');
    expect(text).toContain('+ Count: "1" (forces create)\n');
    expect(text).not.toMatch(/: "(0|false)?"$/m);
    expect(text).toMatch(/\ngroup "web": place 1$/);
  });

  it('of a job that stays as it is says so', () => {
    expect(renderPlan('web', planOf('unchanged'))).toBe(
      'job "web" stays as it is\ngroup "web": leave alone 1',
    );
  });

  it('passes the warnings of the server on, on one line', () => {
    const warnings = '1 warning:\n\n* Memory oversubscription is off\n';
    expect(renderPlan('web', { ...planOf('unchanged'), warnings })).toMatch(
      /\nwarning: 1 warning: \* Memory oversubscription is off$/,
    );
  });

  it('of several allocations, one at a time, does not say that the others stay', () => {
    const counts = [
      ['replace', 1],
      ['leave alone', 2],
    ] as const;
    const plan = { ...planOf('unchanged'), updates: [{ group: 'web', counts }] };
    expect(renderPlan('web', plan)).toMatch(/\ngroup "web": replace 1, leave alone 2 for now$/);
  });

  it('shows neither what is called like a secret, nor signatures, nor what a name would do to a terminal', () => {
    const field = (name: string, before: string, after: string) => ({
      ...{ type: 'Edited', name, before, after },
      annotations: ['\u001b[2J'],
    });
    const diff = {
      type: 'Edited',
      name: 'web',
      children: [],
      fields: [
        field('Env[DB_PASSWORD]', 'old geheim', 'new geheim'),
        field('GetterOptions[aws_access_key_secret]', 'geheim', ''),
        field('GetterOptions[sshkey]', '', 'geheim'),
        field('GetterHeaders[Authorization]', 'Bearer geheim', 'Bearer new geheim'),
        field('GetterSource', 'https://s/web', 'https://s/web?X-Amz-Expires=60&X-Amz-Signature=geheim'),
        field('GetterSource', 'git::ssh://git@s/web?sshkey=geheim&ref=1', 'https://me:geheim@s/web'),
        field('Env[DATABASE_URL]', 'postgres://me:geheim@db/web', 'postgres://me:geheim@db:5432/web'),
        field('EmbeddedTmpl', 'a\nB=amqp://me:geheim@mq', 'a\nB=amqp://me:geheim@mq2'),
        field('Env[\u001b[31m]', 'a', 'b'),
      ],
    };
    expect(
      renderPlan('web', { ...planOf('unchanged'), diff, updates: [] })
        .split('\n')
        .slice(1),
    ).toEqual([
      '    ~ Env[DB_PASSWORD]: (not shown) (\\x1b[2J)',
      '    ~ GetterOptions[aws_access_key_secret]: (not shown) (\\x1b[2J)',
      '    ~ GetterOptions[sshkey]: (not shown) (\\x1b[2J)',
      '    ~ GetterHeaders[Authorization]: (not shown) (\\x1b[2J)',
      '    ~ GetterSource: "https://s/web" → "https://s/web?X-Amz-Expires=60&X-Amz-Signature=…" (\\x1b[2J)',
      '    ~ GetterSource: "git::ssh://git@s/web?sshkey=…&ref=1" → "https://me:…@s/web" (\\x1b[2J)',
      '    ~ Env[DATABASE_URL]: "postgres://me:…@db/web" → "postgres://me:…@db:5432/web" (\\x1b[2J)',
      '    ~ EmbeddedTmpl: (\\x1b[2J)',
      '          a',
      '        - B=amqp://me:…@mq',
      '        + B=amqp://me:…@mq2',
      '    ~ Env[\\x1b[31m]: "a" → "b" (\\x1b[2J)',
    ]);
  });

  it('shows of a text the lines that change, and one around them', () => {
    const field = {
      type: 'Edited',
      name: 'EmbeddedTmpl',
      before: 'a\nb\nc\nd',
      after: 'a\nb\nC\nC2\nd',
      annotations: [],
    };
    const diff = { type: 'Edited', name: 'web', fields: [field], children: [] };
    expect(renderPlan('web', { ...planOf('unchanged'), updates: [], diff }).split('\n')).toEqual([
      '~ job "web"',
      '    ~ EmbeddedTmpl:',
      '          b',
      '        - c',
      '        + C',
      '        + C2',
      '          d',
    ]);
  });

  it('that finds no room says what is missing', () => {
    expect(renderPlan('web', planOf('not-placed'))).toMatch(
      /\nno room: group "web": memory exhausted on 1 node$/,
    );
  });
});
