// Arguments that several methods of the public face take, validated alike.

import type { ChannelNames, Schema } from '../channel/schema.ts'
import { ValidationError } from '../errors.ts'
import { takeSteps } from '../steps.ts'
import { isPlainObject, refuseUnknownKeys } from '../telem/input.ts'

/** One name, or several; each once. */
export type Names<S extends Schema> = ChannelNames<S> | readonly ChannelNames<S>[]

/** The names that `N` stands for. */
export type NamesOf<N> = N extends readonly (infer E)[] ? E & string : N & string

/** @throws ValidationError for a name twice, none, or what is no name */
export function namesOf(channels: unknown): string[] {
  const names = copyOfNames(channels)
  refuseTwice(names)
  return names
}

export function refuseTwice(names: readonly string[]): void {
  takeSteps(distinct(names))
}

/**
 * A copy, not looked at for names that are there twice.
 * @throws ValidationError for none, or what is no name
 */
export function copyOfNames(channels: unknown): string[] {
  const names: unknown[] = Array.isArray(channels) ? [...(channels as unknown[])] : [channels]
  if (names.length === 0) throw new ValidationError('No channel is named')
  for (const name of names) {
    if (typeof name !== 'string')
      throw new ValidationError(`Channels are named by strings: got ${name === null ? 'null' : typeof name}`)
  }
  return names as string[]
}

/** Names that are looked at in one step: some 0.2 ms. */
const NAMES_A_STEP = 1024

/** Looks for names that are there twice, in steps. @throws ValidationError */
export function* distinct(names: readonly string[]): Generator<void, void, void> {
  const seen = new Set<string>()
  for (const [i, name] of names.entries()) {
    if (seen.has(name)) throw new ValidationError(`Channel "${name}" is named twice`, { channel: name })
    seen.add(name)
    if (i % NAMES_A_STEP === NAMES_A_STEP - 1) yield
  }
}

export function checkReadOptions(
  options: unknown,
  keys: readonly string[],
): { timestamps: boolean; signal: AbortSignal | undefined } {
  if (!isPlainObject(options)) throw new ValidationError('Options must be an object')
  refuseUnknownKeys(options, keys, 'options')
  const { timestamps, signal } = options
  if (timestamps !== undefined && typeof timestamps !== 'boolean')
    throw new ValidationError('Option "timestamps" must be true or false')
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw new ValidationError('Option "signal" must be an AbortSignal')
  return { timestamps: timestamps ?? false, signal }
}

export function isList<T>(input: T | readonly T[]): input is readonly T[] {
  return Array.isArray(input)
}
