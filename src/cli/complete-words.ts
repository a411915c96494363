// What could stand where the cursor is, for the shell's completion: walks the same commands that `main` runs,
// so that nothing is listed twice. Called by `completion`, with the channels of a directory looked up by it.

import type { Argument, Command, Option } from 'commander'
import { TYPE_NAMES } from './import/target.ts'

/** One thing that could be typed. */
export interface Candidate {
  readonly value: string
  readonly description: string
}

/** What could stand there: words that are known, or what the shell knows best itself. */
export type Completion =
  | { readonly kind: 'words'; readonly candidates: readonly Candidate[] }
  | { readonly kind: 'directories' }
  | { readonly kind: 'files' }

/** Looks up the channels of a database; none where there is no database. */
export type ChannelLookUp = (directory: string) => Promise<readonly Candidate[]>

/** Words that options take besides what only the person knows. */
const USUAL_VALUES: Readonly<Record<string, readonly string[]>> = {
  '--time-format': ['iso', 's', 'ms', 'us', 'ns'],
}

const NOTHING: Completion = { kind: 'words', candidates: [] }

/**
 * What could stand in place of the last word.
 * @param words what follows the name of the program, up to the cursor; the last one is what is being typed
 */
export async function completeWords(
  program: Command,
  words: readonly string[],
  channelsOf: ChannelLookUp,
): Promise<Completion> {
  const current = words.at(-1) ?? ''
  const before = words.slice(0, -1)
  const at = before.findIndex((word) => !word.startsWith('-'))
  if (at < 0) return current.startsWith('-') ? optionsOf(program, current) : commandsOf(program, current)
  const command = program.commands.find((each) => each.name() === before[at])
  if (command === undefined) return NOTHING
  const { positionals, pending, areOptionsOver } = walk(command, before.slice(at + 1))
  if (pending !== undefined) return valuesOf(pending, current)
  if (current.startsWith('-') && !areOptionsOver) {
    const [name, value] = splitOption(current)
    if (value === undefined) return optionsOf(command, current)
    const option = findOption(command, name)
    return option === undefined ? NOTHING : valuesOf(option, value)
  }
  const argument = argumentAt(command, positionals.length)
  if (argument === undefined) return NOTHING
  if (argument.argChoices !== undefined) return choicesOf(argument.argChoices, current)
  if (argument.name() === 'dir' || argument.name() === 'target') return { kind: 'directories' }
  if (argument.name() !== 'channels') return { kind: 'files' }
  const names = command.registeredArguments.map((each) => each.name())
  const directory = positionals[names.indexOf('dir')]
  if (directory === undefined) return NOTHING
  const channels = await channelsOf(directory)
  const taken = positionals.slice(names.indexOf('channels'))
  const untaken = channels.filter(({ value }) => !taken.includes(value))
  return startingWith(untaken, current)
}

/** Which positional words there are, and the option that still waits for its value. */
function walk(
  command: Command,
  words: readonly string[],
): { positionals: string[]; pending: Option | undefined; areOptionsOver: boolean } {
  const positionals: string[] = []
  let pending: Option | undefined
  let areOptionsOver = false
  for (const word of words) {
    if (pending !== undefined) pending = undefined
    else if (areOptionsOver || !word.startsWith('-') || word === '-') positionals.push(word)
    else if (word === '--') areOptionsOver = true
    else if (splitOption(word)[1] === undefined) {
      const option = findOption(command, word)
      if (option !== undefined && (option.required || option.optional)) pending = option
    }
  }
  return { positionals, pending, areOptionsOver }
}

function splitOption(word: string): [name: string, value: string | undefined] {
  const equals = word.indexOf('=')
  return equals < 0 ? [word, undefined] : [word.slice(0, equals), word.slice(equals + 1)]
}

function findOption(command: Command, name: string): Option | undefined {
  return command.options.find(({ long, short }) => long === name || short === name)
}

/**
 * The argument that the positional word number `position` belongs to; the last one may take all that follow.
 */
function argumentAt(command: Command, position: number): Argument | undefined {
  const { registeredArguments } = command
  const last = registeredArguments.at(-1)
  return registeredArguments[position] ?? (last?.variadic === true ? last : undefined)
}

function commandsOf(program: Command, current: string): Completion {
  const visible = program.createHelp().visibleCommands(program)
  return startingWith(
    visible.map((command) => ({ value: command.name(), description: command.summary() })),
    current,
  )
}

function optionsOf(command: Command, current: string): Completion {
  const visible = command.createHelp().visibleOptions(command)
  return startingWith(
    visible.flatMap(({ long, description }) =>
      long === undefined || long === null ? [] : [{ value: long, description }],
    ),
    current,
  )
}

/** Values of an option: one of a few, a file where it says so, else what only the person knows. */
function valuesOf(option: Option, current: string): Completion {
  if (option.argChoices !== undefined) return choicesOf(option.argChoices, current)
  const [column, type] = splitOption(current)
  if (option.long === '--type' && type !== undefined)
    return choicesOf(
      TYPE_NAMES.split(', ').map((name) => `${column}=${name}`),
      current,
    )
  const usual = USUAL_VALUES[option.long ?? '']
  if (usual !== undefined) return choicesOf(usual, current)
  return /<file>/.test(option.flags) ? { kind: 'files' } : NOTHING
}

function choicesOf(choices: readonly string[], current: string): Completion {
  return startingWith(
    choices.map((value) => ({ value, description: '' })),
    current,
  )
}

function startingWith(candidates: readonly Candidate[], current: string): Completion {
  return { kind: 'words', candidates: candidates.filter(({ value }) => value.startsWith(current)) }
}
