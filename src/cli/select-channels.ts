// Which channels a person means: by name, or by a pattern in which `*` stands for any characters and `?`
// for one. A name that exists is always meant as it is. Called by the commands that take channels.

import type { Channel } from '../index.ts'
import { CommandError } from './command-error.ts'

/**
 * The channels meant, each once: in the order of the words, and of creation within a pattern.
 * @param words none means all channels
 * @throws CommandError for a word that nothing matches
 */
export function selectChannels(all: readonly Channel[], words: readonly string[]): Channel[] {
  if (words.length === 0) return [...all]
  const selected = new Set<Channel>()
  for (const word of words) {
    const exact = all.find(({ name }) => name === word)
    const matching = exact === undefined ? all.filter(({ name }) => matches(word, name)) : [exact]
    if (matching.length === 0) throw new CommandError(`no channel matches "${word}"${hintOf(all, word)}`)
    for (const channel of matching) selected.add(channel)
  }
  return [...selected]
}

function matches(pattern: string, name: string): boolean {
  if (!/[*?]/.test(pattern)) return false
  const source = pattern.replaceAll(/[\\^$+.()|[\]{}]/g, String.raw`\$&`).replaceAll('*', '.*')
  return new RegExp(`^${source.replaceAll('?', '.')}$`, 'su').test(name)
}

function hintOf(all: readonly Channel[], word: string): string {
  if (all.length === 0) return ': the database has no channels'
  const wanted = word.toLowerCase()
  const near = all.filter(({ name }) => {
    const lower = name.toLowerCase()
    return lower.includes(wanted) || wanted.includes(lower)
  })
  const names = (near.length > 0 ? near : all).slice(0, 5).map(({ name }) => `"${name}"`)
  return near.length > 0
    ? `: did you mean ${names.join(', ')}?`
    : `: there are ${names.join(', ')}${all.length > 5 ? ', ...' : ''}`
}
