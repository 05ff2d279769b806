/** Reads the values of HCL, as `readHclValues` does. */
export type ReadHcl = (text: string) => Readonly<Record<string, unknown>> | null;

/**
 * Reads the values of an HCL file by HCL's own parser, as plain objects: a block is a list with one object a block,
 * below its labels; what is computed stays text, `${…}`. Null where the parser refuses the file; it says no more, so where
 * and why is asked of `parseHcl`. Knows HCL of 2021: no functions with `::` in their name.
 */
export async function readHclValues(text: string): Promise<ReturnType<ReadHcl>> {
  return (await loadHclReader())(text);
}

/** Loads HCL's own parser, for who reads many texts. */
export async function loadHclReader(): Promise<ReadHcl> {
  // Only now: 4 MB that take a third of a second to load.
  const { default: parser } = await import('hcl2-parser');
  return (text) => {
    try {
      const [json, failure] = parser.parseToString(text) as unknown as readonly [string, unknown];
      return failure === null ? (JSON.parse(json) as Readonly<Record<string, unknown>>) : null;
    } catch {
      // It panics where blocks of one name have a label here and none there, and runs out of stack in `a ? b : c ? d : …`.
      return null;
    }
  };
}
