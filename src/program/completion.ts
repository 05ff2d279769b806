import { ShellCompDirective } from '@bomb.sh/tab';
import tab from '@bomb.sh/tab/commander';
import type { Command } from 'commander';
import { examples, type Host } from './command.ts';

/**
 * For bash the library's script needs the package bash-completion, cannot be loaded twice, evaluates what was typed and
 * completes no file names, which most of our arguments are. This one needs bash 4.
 */
const bashScript = `# bash completion for saddlebag
__saddlebag_complete() {
  local line=\${COMP_LINE:0:COMP_POINT} word=\${COMP_WORDS[COMP_CWORD]} words=() value
  read -ra words <<< "$line"
  [[ $line == *[[:space:]] ]] && words+=('')
  # Bash takes --flag=value and s3://bucket for several words, of which it replaces the last.
  [[ $word == [=:] ]] && word=''
  local current=\${words[-1]}
  [[ $current == --*=* ]] && words=("\${words[@]:0:\${#words[@]}-1}" "\${current%%=*}" "\${current#*=}")
  current=\${words[-1]}
  local before=\${current%"$word"}
  COMPREPLY=()
  while IFS=$'\\t' read -r value _; do
    [[ $value == "$current"* && $value != :* ]] && COMPREPLY+=("\${value#"$before"}")
  done < <(saddlebag complete -- "\${words[@]:1}" 2> /dev/null)
}
complete -o bashdefault -o default -F __saddlebag_complete saddlebag
`;

/** Adds `saddlebag completion`, and the hidden command that the shells ask. */
export function addCompletion(program: Command, { write }: Host): void {
  const completion = tab(program, { completionCommandName: 'completion' });
  const { setup } = completion;
  completion.setup = (name, executable, shell) => {
    if (shell === 'bash') write(bashScript);
    else setup.call(completion, name, executable, shell);
  };
  program.commands
    .find((command) => command.name() === 'completion')
    ?.description('print a script that completes commands and flags in your shell')
    .addHelpText('after', examples('source <(saddlebag completion bash)'));
  // The library tells the shell not to complete file names.
  Object.defineProperty(completion, 'directive', {
    get: () => ShellCompDirective.ShellCompDirectiveDefault,
    set: () => undefined,
  });
}
