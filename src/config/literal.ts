import type { HclExpression } from '../core/hcl/syntax.ts';

/**
 * What Nomad fills in on the client; it reaches the job as it is written.
 * Source: Nomad, "Runtime variables" and "Interpolation".
 */
const runtimeReference = /^\$\{(?:NOMAD_\w+|(?:attr|node|meta|env)[.[][^{}]+)\}/;

/**
 * Says why an expression is no plain value, or returns undefined. Strings may hold references that Nomad fills in; all
 * else that would have to be evaluated is refused.
 */
export function literalProblem(expression: HclExpression, text: string): string | undefined {
  const source = text.slice(expression.start, expression.end);
  if (expression.kind === 'template') return templateProblem(source);
  if (expression.kind === 'reference') {
    return `expected a value, got ${source}: text stands in quotes, and this file has no variables`;
  }
  if (expression.kind === 'other') {
    return `expected a value, got ${shorten(source)}: this file has no functions and computes nothing`;
  }
  return undefined;
}

function templateProblem(source: string): string | undefined {
  for (const { index } of source.matchAll(/[$%]\{/g)) {
    // An escape: `$${` is `${` for the app.
    if (source[index - 1] === source[index]) continue;
    const rest = source.slice(index);
    if (rest.startsWith('$') && runtimeReference.test(rest)) continue;
    const shown = shorten(/^.*?\}/s.exec(rest)?.[0] ?? rest);
    const plain = source[index] + shown;
    return `nothing is filled in here but what Nomad does (\${NOMAD_…}, \${attr.…}, \${node.…}, \${meta.…}): write ${plain} for the text ${shown}`;
  }
  return undefined;
}

function shorten(source: string): string {
  const line = source.replace(/\s+/g, ' ');
  return line.length > 60 ? `${line.slice(0, 60)}…` : line;
}
