const words =
  /(?:^|[_-])(?:password|passwd|passphrase|pwd|secrets?|tokens?|credentials?|api_?key|key|dsn)(?:$|[_-])/i;
const harmless = /(?:^|[_-])public[_-]|_(?:file|path|dir|url|ttl|name|id)$/i;

/**
 * Tells whether a variable of this name usually holds a secret (`DB_PASSWORD`, `API_TOKEN`, `SECRET_KEY_BASE`), and not
 * only where one is (`PASSWORD_FILE`) or what everybody may know (`PUBLIC_KEY`, `AWS_ACCESS_KEY_ID`).
 */
export function looksSecret(name: string): boolean {
  return words.test(name) && !harmless.test(name);
}
