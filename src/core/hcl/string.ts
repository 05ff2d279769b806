const named: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\' };

/**
 * Decodes what stands between the quotes of a string without interpolation. An escape that HCL does not know stays as it
 * is written. Source: HCL native syntax specification, "Quoted templates".
 */
export function decodeText(raw: string): string {
  const escapes = /\$\$\{|%%\{|\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))/gsu;
  return raw.replace(escapes, (whole, short?: string, long?: string, one?: string) => {
    if (whole === `$\${`) return `\${`;
    if (whole === '%%{') return '%{';
    const code = short ?? long;
    if (code === undefined) return named[one ?? ''] ?? whole;
    const point = Number.parseInt(code, 16);
    return point > 0x10ffff ? whole : String.fromCodePoint(point);
  });
}

/**
 * Quotes text as an HCL string that means that very text: nothing in it is interpolated.
 * Source: HCL native syntax specification, "Quoted templates".
 */
export function quoteText(text: string): string {
  const escaped = text.replace(/\$\{|%\{|[\\"\p{Cc}\u2028\u2029]/gu, (found) => {
    if (found.length === 2) return `${found[0]}${found}`;
    const short = Object.entries(named).find(([, character]) => character === found)?.[0];
    return `\\${short ?? `u${found.charCodeAt(0).toString(16).padStart(4, '0')}`}`;
  });
  return `"${escaped}"`;
}
