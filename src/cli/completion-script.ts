// The script that makes a shell ask `rubidium complete` what could be typed. It comes from @bomb.sh/tab,
// which speaks the protocol of cobra's completions in four shells; what its script for bash lacks is put in
// here.

import { script } from '@bomb.sh/tab'

/** Shells that there is a script for. */
export type Shell = 'bash' | 'zsh' | 'fish' | 'powershell'

/** All values of `Shell`. */
export const SHELLS: readonly Shell[] = ['bash', 'zsh', 'fish', 'powershell']

/**
 * What a completion tells the shell to do with the words that it prints: a sum of powers of two, as in cobra.
 */
export const DIRECTIVES: Readonly<Record<'files' | 'noFiles' | 'directories' | 'keepOrder', number>> = {
  files: 0,
  noFiles: 4,
  directories: 16,
  keepOrder: 32,
}

/** Where a bash without the package bash-completion finds the words itself. */
const BASH_WORDS = '_get_comp_words_by_ref -n "=:" cur prev words cword'
const BASH_WORDS_ANYWHERE = `if declare -F _get_comp_words_by_ref >/dev/null; then
        ${BASH_WORDS}
    else
        words=("\${COMP_WORDS[@]}")
        cword=$COMP_CWORD
        cur=\${COMP_WORDS[COMP_CWORD]}
    fi`

/** The script for a shell, to be sourced by it. */
export function completionScript(shell: Shell): string {
  const text = printedBy(() => script(shell, 'rubidium', 'rubidium'))
  if (shell !== 'bash') return text
  return (
    text
      .replace(BASH_WORDS, () => BASH_WORDS_ANYWHERE)
      // Directories end with a slash, to go on behind it.
      .replace('compopt -o dirnames', 'compopt -o filenames')
      // Sourced a second time, constants would be an error.
      .replaceAll(/^readonly ShellComp/gm, 'ShellComp')
      // Without it there is no completion of files that could be turned off.
      .replace(/^complete -F (\S+) rubidium$/m, 'complete -o default -F $1 rubidium')
  )
}

/** The package prints its scripts and does not give them away: what is printed in one synchronous call. */
function printedBy(print: () => void): string {
  const lines: string[] = []
  const { log } = console
  console.log = (line: string) => lines.push(line)
  try {
    print()
  } finally {
    console.log = log
  }
  return `${lines.join('\n')}\n`
}
