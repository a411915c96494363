// The oracle of the crash tests, as obvious as it can be: a state is a list of channels, a channel a map
// from time to value; a history is the list of states that the calls made, each with what the caller was
// promised about it. Nothing of the engine's structure is in here. Used by session.ts and the checks.

/** A sample, and whether it goes on with the one before it (a stretch without a break). */
export interface ModelSample {
  readonly value: string
  readonly goesOn: boolean
}

export interface ModelChannel {
  readonly name: string
  readonly kind: 'index' | 'data'
  readonly type: string
  readonly index: string | undefined
  readonly unit: string | undefined
  readonly metadata: string | undefined
  readonly samples: ReadonlyMap<bigint, ModelSample>
}

/** Channels in order of creation. Never changed in place. */
export type ModelState = readonly ModelChannel[]

/** What the caller was told about a state: nothing, that it survives a killed process, a power loss. */
export type Promised = 'nothing' | 'kill' | 'power'

export type CrashKind = 'kill' | 'power'

/** A state as text: what is compared, and what a failure shows. */
export function textOf(state: ModelState): string {
  return state
    .map((channel) => {
      const { name, kind, type, index, unit, metadata, samples } = channel
      const head = [name, kind, type, index ?? '-', unit ?? '-', metadata ?? '-'].join(' ')
      const sorted = [...samples].sort(([a], [b]) => (a < b ? -1 : 1))
      return `${head}:${sorted.map(([time, { value, goesOn }], i) => `${i === 0 || !goesOn ? ' |' : ''} ${short(time)}=${value}`).join('')}`
    })
    .join('\n')
}

/** Times are counted from here: what a failure prints stays readable. */
export const ORIGIN = 1_700_000_000_000_000_000n

export function short(time: bigint): string {
  return String(time - ORIGIN)
}

/** The state without the samples of `names` in [start, end). */
export function withoutRange(
  state: ModelState,
  names: readonly string[],
  start: bigint,
  end: bigint,
): ModelState {
  return state.map((channel) => {
    if (!names.includes(channel.name)) return channel
    const samples = new Map<bigint, ModelSample>()
    let isParted = false
    for (const [time, sample] of [...channel.samples].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (time >= start && time < end) {
        isParted = true
        continue
      }
      samples.set(time, isParted ? { ...sample, goesOn: false } : sample)
      isParted = false
    }
    return { ...channel, samples }
  })
}

/** The state with more samples in some channels. */
export function withSamples(
  state: ModelState,
  added: ReadonlyMap<string, ReadonlyMap<bigint, ModelSample>>,
): ModelState {
  return state.map((channel) => {
    const more = added.get(channel.name)
    return more === undefined ? channel : { ...channel, samples: new Map([...channel.samples, ...more]) }
  })
}

interface Entry {
  readonly state: ModelState
  readonly text: string
  promised: Promised
}

/** What happened, in order. A state is here from the moment at which its call was made. */
export class History {
  #entries: Entry[]

  /** @param state that everything begins with, known to survive anything */
  constructor(state: ModelState = []) {
    this.#entries = [{ state, text: textOf(state), promised: 'power' }]
  }

  /** The history as it is now: what follows goes to one of the two alone. */
  clone(): History {
    const copy = new History()
    copy.#entries = this.#entries.map((entry) => ({ ...entry }))
    return copy
  }

  get state(): ModelState {
    return this.#entries.at(-1)!.state
  }

  get text(): string {
    return this.#entries.at(-1)!.text
  }

  /** How many states there are. */
  get length(): number {
    return this.#entries.length
  }

  /** A call that leads to `state` was made; returns what names it. */
  begin(state: ModelState): number {
    this.#entries.push({ state, text: textOf(state), promised: 'nothing' })
    return this.#entries.length - 1
  }

  /** The call was acknowledged. */
  acknowledge(entry: number, promised: Promised): void {
    const found = this.#entries[entry]!
    if (promised === 'power' || found.promised === 'nothing') found.promised = promised
  }

  /** The call was refused, and has not happened. It must be the newest. */
  refuse(entry: number): void {
    if (entry !== this.#entries.length - 1) throw new Error('only the newest call can be taken back')
    this.#entries.pop()
  }

  /** The machine crashed, and nobody has opened the database since. */
  crashed(kind: CrashKind): void {
    if (kind === 'kill') return
    for (const entry of this.#entries) if (entry.promised === 'kill') entry.promised = 'nothing'
  }

  /** Everything up to now survives anything. */
  secure(): void {
    this.#entries.at(-1)!.promised = 'power'
  }

  /** The first state that may be found after a crash: all before it were promised to be there. */
  #least(kind: CrashKind): number {
    return this.#entries.findLastIndex(
      ({ promised }) => promised === 'power' || (kind === 'kill' && promised === 'kill'),
    )
  }

  /** The state of the history that `text` is; a sentence where it is none that may be found after such a crash. */
  find(text: string, kind: CrashKind): ModelState | string {
    const least = this.#least(kind)
    const found = this.#entries.findLast((entry, i) => i >= least && entry.text === text)
    if (found !== undefined) return found.state
    const lost = this.#entries.findLastIndex((entry) => entry.text === text)
    if (lost >= 0)
      return `lost what was acknowledged: state ${lost} of ${this.length - 1} was found, ${least} was promised\n${this.#difference(text, least)}`
    return `no prefix of the history (${least} to ${this.length - 1}):\n${this.#difference(text, this.length - 1)}`
  }

  #difference(text: string, entry: number): string {
    return `--- found\n${text}\n--- state ${entry}\n${this.#entries[entry]!.text}`
  }
}
