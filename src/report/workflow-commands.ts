/**
 * Takes the commands of GitHub's runner out of text from outside, which it would obey wherever a step prints them:
 * `::name::` at the beginning of a line, and `##[name]` anywhere in it. Of a JSON text the meaning stays.
 * Source: actions/runner, ActionCommand.cs, `TryParseV2` and `TryParse`.
 */
export function withoutCommands(text: string): string {
  return text.replace(/^([^\S\n\r]*):(?=:)/gm, '$1\\u003a').replaceAll('##[', '##\\u005b');
}
