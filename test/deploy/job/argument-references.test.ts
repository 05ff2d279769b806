import { describe, expect, it } from 'vitest';
import { referenceProblem } from '../../../deploy/job/runtime-reference.ts';

describe('a reference in an argument', () => {
  const names = { env: { PORT: '1' }, mayKnowMore: false };

  it.each([
    `\${NOMAD_PORT_http}`,
    `\${attr.cpu.arch}`,
    `\${env["HOME"]}`,
    `\${PORT}`,
    `$\${ANY}`,
    `\${upper("x")}`,
    `\${1 + 2}`,
    '%%{if}',
    '100%',
    '$5 {x}',
  ])('is let through as %s', (text) => {
    expect(referenceProblem(text, names)).toBeUndefined();
  });

  it.each([
    [`\${HOME}`, `Nomad knows no \${HOME}: write $\${HOME} for the text itself`],
    [`a \${NOMAD_PORT_http`, `\${NOMAD_PORT_http is not closed`],
    ['%{if x}', 'Nomad evaluates %{…}: write %%{ for the text itself'],
    [`\${toString}`, `Nomad knows no \${toString}`],
    [`\${PORT:-8080}`, `Nomad knows no \${PORT:-8080}`],
  ])('is refused as %s', (text, problem) => {
    expect(referenceProblem(text, names)).toContain(problem);
  });

  it('may be any name where variables come from a file', () => {
    expect(referenceProblem(`\${URL}`, { ...names, mayKnowMore: true })).toBeUndefined();
    expect(referenceProblem(`\${URL:-x}`, { ...names, mayKnowMore: true })).toContain('Nomad knows no');
  });
});
