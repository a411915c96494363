// One line of a dump, and how values are said in it: plain values that survive `JSON.stringify`, times in ISO
// 8601, segments by the names of their files. Called by dump.ts and what it calls.

import { MAX_SEGMENT_EPOCH, SEGMENTS_PER_EPOCH, segmentFile } from '../../fs/layout.ts'
import { END_OF_TIME, MIN_TIMESTAMP, toISO } from '../../telem/timestamp.ts'
import type { Pointer } from '../../version/pointer.ts'

/** A value of a dump: what JSON can say. */
export type DumpValue =
  | string
  | number
  | boolean
  | null
  | readonly DumpValue[]
  | { readonly [name: string]: DumpValue }

/** One thing in a file, or one detail of it. */
export interface DumpEntry {
  /**
   * What it is: `file` (each file begins with one), `header`, `record`, `frame` (of a manifest), `extent`,
   * `text`, `number`, `bytes`; `gap` for bytes in which nothing sound begins, `fill` for those that are laid
   * ahead. Details, each behind what it belongs to: `run`, `channel`, `group`, `segment`, `pointer`,
   * `change`, `edit`, `block`.
   */
  readonly what: string
  /** 0; 1 for a detail of the entry before it. */
  readonly level: 0 | 1
  /** Bytes from the start of the file; left out where a detail has no place of its own. */
  readonly offset?: number
  /** In bytes. */
  readonly length?: number
  /** Whether every checksum over it holds; left out where there is none. */
  readonly sound?: boolean
  /** All of it in a line for a person. */
  readonly text: string
  /** The same for a program. */
  readonly fields: { readonly [name: string]: DumpValue }
}

/** A detail of the entry before it. */
export function detail(what: string, text: string, fields: DumpEntry['fields']): DumpEntry {
  return { what, level: 1, text, fields }
}

/** A time as a dump says it: ISO 8601, without zeros that end its fraction. */
export function timeText(time: bigint): string {
  // What says when something ends may be what nothing that ends could say: it is shown all the same.
  const shown = time < MIN_TIMESTAMP ? MIN_TIMESTAMP : time > END_OF_TIME ? END_OF_TIME : time
  return toISO(shown).replace(/\.?0+Z$/, 'Z')
}

/** The file of a segment, or its id where it names none. */
export function segmentText(id: number): string {
  const isName = Number.isSafeInteger(id) && id >= 0 && id < MAX_SEGMENT_EPOCH * SEGMENTS_PER_EPOCH
  return isName ? segmentFile(id) : `segment ${id}`
}

/** `1 sample`, `2 samples`. */
export function several(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

/** Keys in a row: `1, 2, 3`; of many the first. */
export function some(values: readonly (string | number)[], most = 12): string {
  const shown = values.slice(0, most).join(', ')
  return values.length > most ? `${shown} and ${values.length - most} more` : shown
}

export function pointerDetail(key: number, pointer: Pointer): DumpEntry {
  const { start, end, segment, offset, length, skip, count, live, joined } = pointer
  const where = `${segmentText(segment)} at ${offset}, ${length} bytes`
  const which = skip === 0 ? '' : `, from sample ${skip} on`
  const text =
    `channel ${key}: ${several(count, 'sample')} from ${timeText(start)} to ${timeText(end - 1n)} in ${where}${which}, ` +
    `${live} live${joined ? ', joined' : ''}`
  return detail('pointer', text, {
    channel: key,
    start: timeText(start),
    end: timeText(end),
    segment: segmentText(segment),
    offset,
    length,
    skip,
    count,
    live,
    joined,
  })
}
