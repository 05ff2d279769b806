/** What a client knows when it evaluates a task's configuration. Source: Nomad, "Runtime variable interpolation". */
const knownReference = /^(?:NOMAD_\w+|(?:attr|node|meta|device|secret)\..+|env\["[^"]*"\])$/;

/** A call of a function, or arithmetic on numbers: a client evaluates both. */
const expression = /^(?:[a-z_]\w*\(.*\)|[\d\s.+*/%()-]+)$/s;

/** The names that a task itself brings. */
export interface ReferenceNames {
  /** Its variables, by name. */
  readonly env: Readonly<Record<string, unknown>>;
  /** True where more of them come from a file that only the client has. */
  readonly mayKnowMore: boolean;
}

/**
 * Says what is wrong with a text that a client evaluates as a template (the exec driver's `args`); undefined when
 * nothing is. A reference that the client does not know lets the job register and then fails every allocation, so it is
 * refused here. `$${` and `%%{` are the text itself.
 */
export function referenceProblem(text: string, { env, mayKnowMore }: ReferenceNames): string | undefined {
  for (const [whole, dollars, name, percents] of text.matchAll(/(\$+)\{([^}]*)\}?|(%+)\{/g)) {
    if (percents !== undefined) {
      if (percents.length === 1) return 'Nomad evaluates %{…}: write %%{ for the text itself';
      continue;
    }
    if ((dollars ?? '').length > 1) continue;
    const reference = (name ?? '').trim();
    if (!whole.endsWith('}')) return `${whole} is not closed: write $$\{ for the text itself`;
    if (knownReference.test(reference) || expression.test(reference)) continue;
    if (Object.hasOwn(env, reference)) continue;
    if (mayKnowMore && /^[A-Za-z_]\w*$/.test(reference)) continue;
    return `Nomad knows no ${whole}: write $${whole} for the text itself`;
  }
  return undefined;
}
