const BASH = `# bash completion of agentmetal
_agentmetal() {
  local cur words cword
  if declare -F _get_comp_words_by_ref >/dev/null; then
    _get_comp_words_by_ref -n =: cur words cword
  else
    cur=\${COMP_WORDS[COMP_CWORD]} words=("\${COMP_WORDS[@]}") cword=$COMP_CWORD
  fi
  local line
  COMPREPLY=()
  while IFS= read -r line; do
    COMPREPLY+=("\${line%%$'\\t'*}")
  done < <("\${words[0]}" __complete -- "\${words[@]:1:cword-1}" "$cur" 2>/dev/null)
  if declare -F __ltrim_colon_completions >/dev/null; then __ltrim_colon_completions "$cur"; fi
}
complete -o default -F _agentmetal agentmetal
`;

const ZSH = `#compdef agentmetal
_agentmetal() {
  local line
  local -a found
  while IFS= read -r line; do
    if [[ $line == *$'\\t'* ]]; then
      found+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
    else
      found+=("\${line//:/\\\\:}")
    fi
  done < <("\${words[1]}" __complete -- "\${(@)words[2,CURRENT-1]}" "\${words[CURRENT]}" 2>/dev/null)
  if (( \${#found} )); then _describe 'agentmetal' found; else _files; fi
}
if [ "$funcstack[1]" = "_agentmetal" ]; then _agentmetal "$@"; else compdef _agentmetal agentmetal; fi
`;

const FISH = `# fish completion of agentmetal
function __agentmetal_complete
  set -l words (commandline -opc)
  set -l current (commandline -ct)
  $words[1] __complete -- $words[2..-1] "$current" 2>/dev/null
end
complete -c agentmetal -e
complete -c agentmetal -f -a '(__agentmetal_complete)'
complete -c agentmetal -n 'string match -qr -- "^(-f|--file|--api-key-file|--data-dir|--token-file)$" (commandline -opc)[-1]' -F
`;

const SCRIPTS: Readonly<Record<string, string>> = { bash: BASH, zsh: ZSH, fish: FISH };

/** The script that makes a shell ask `agentmetal __complete`; `undefined` for a shell without one. */
export function completionScript(shell: string): string | undefined {
  return Object.hasOwn(SCRIPTS, shell) ? SCRIPTS[shell] : undefined;
}
