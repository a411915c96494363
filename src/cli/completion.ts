// `rubidium completion`, which prints the script that a shell sources, and `rubidium complete`, which that
// script calls at each press of the key: it answers fast or with nothing, and never with an error.

import { Argument } from 'commander'
import type { Command } from 'commander'
import { completeWords } from './complete-words.ts'
import type { Candidate, Completion } from './complete-words.ts'
import { completionScript, DIRECTIVES, SHELLS } from './completion-script.ts'
import type { Shell } from './completion-script.ts'
import type { Context } from './program.ts'
import { withDatabase } from './with-database.ts'

const HELP = `
Examples:
  $ source <(rubidium completion bash)                 in ~/.bashrc
  $ source <(rubidium completion zsh)                  in ~/.zshrc, after compinit
  $ rubidium completion fish > ~/.config/fish/completions/rubidium.fish
  $ rubidium completion powershell | Out-String | Invoke-Expression`

export function addCompletion(program: Command, { terminal }: Context): void {
  program
    .command('completion')
    .summary('print the script that completes words in a shell')
    .description('Prints a script for a shell that completes commands, options, directories and channels.')
    .addArgument(new Argument('<shell>', 'which shell').choices(SHELLS))
    .addHelpText('after', HELP)
    .action((shell: Shell) => terminal.write(completionScript(shell)))
  program
    .command('complete', { hidden: true })
    .helpOption(false)
    .argument('[words...]', 'what is on the line after the name of the program')
    .action(async (words: string[]) => {
      const completion = await completeWords(program, words, channelsOf).catch(() => undefined)
      await terminal.write(answerOf(completion ?? { kind: 'words', candidates: [] }))
    })
}

/** Lines of a value, a tab and what it means, then the directive. */
function answerOf(completion: Completion): string {
  if (completion.kind === 'directories') return `:${DIRECTIVES.directories}\n`
  if (completion.kind === 'files') return `:${DIRECTIVES.files}\n`
  const lines = completion.candidates.map(({ value, description }) => `${value}\t${description}\n`)
  return `${lines.join('')}:${DIRECTIVES.noFiles + DIRECTIVES.keepOrder}\n`
}

/**
 * The channels of a database, as far as they can be typed as they are: shells expand and run what completions
 * hold, so a name out of a stranger's file must not have anything in it that means something to a shell.
 */
async function channelsOf(directory: string): Promise<Candidate[]> {
  return withDatabase(directory, { readOnly: true }, (db) =>
    Promise.resolve(
      db.channels
        .list()
        .filter(({ name }) => /^[\p{L}\p{N}_.:/%+][\p{L}\p{N}_.:/%+-]*$/u.test(name))
        .map(({ name, type, kind }) => ({ value: name, description: kind === 'index' ? 'index' : type })),
    ),
  )
}
