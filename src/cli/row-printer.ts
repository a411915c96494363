// Samples of channels of any number of groups as rows of text, merged by time: frame by frame, in pieces
// fit for one write each. A row is there where a channel that is shown has a sample. Pure. Called by `read`.

import type { Channel, Frame } from '../index.ts'
import type { RowWriter } from './row-format.ts'

/** Characters of a piece, about: what pipes and files take at their fastest. */
const PIECE = 64 * 1024

/** One index channel of what is printed, and which columns it has times for. */
export interface RowGroup {
  /** Name of the index channel; it is in every frame. */
  readonly index: string
  /** Whether each of its times is a row, also where no data channel has a sample. */
  readonly isShown: boolean
  /** Its data channels, and the column that each is printed in. */
  readonly columns: readonly { readonly channel: Channel; readonly position: number }[]
}

/** A group's part of one frame, and how far it is printed. */
interface Lane {
  readonly times: BigInt64Array
  readonly isShown: boolean
  readonly columns: readonly LaneColumn[]
  at: number
}

interface LaneColumn {
  readonly position: number
  readonly count: number
  /** Left out where the column has a sample at each time of the lane. */
  readonly times: BigInt64Array | undefined
  readonly cell: (position: number) => string
  at: number
}

/** Prints the rows of frames that follow each other in time, up to a number of rows. */
export class RowPrinter {
  readonly #writer: RowWriter
  readonly #groups: readonly RowGroup[]
  readonly #cells: (string | undefined)[]
  #left: number

  /** @param limit most rows to print over all frames; may be infinite */
  constructor(writer: RowWriter, groups: readonly RowGroup[], limit: number) {
    this.#writer = writer
    this.#groups = groups
    this.#cells = Array.from({ length: groups.reduce((sum, { columns }) => sum + columns.length, 0) })
    this.#left = limit
  }

  /** Whether as many rows were printed as were wanted. */
  get isDone(): boolean {
    return this.#left <= 0
  }

  /** The rows of a frame, whole lines in each piece. */
  *pieces(frame: Frame): Generator<string, void, void> {
    const lanes = this.#groups.map((group) => this.#laneOf(frame, group))
    let text = ''
    while (this.#left > 0) {
      const time = earliest(lanes)
      if (time === undefined) break
      if (!this.#fillCells(lanes, time)) continue
      text += this.#writer.line(time, this.#cells)
      this.#left--
      if (text.length >= PIECE) {
        yield text
        text = ''
      }
    }
    if (text !== '') yield text
  }

  /** Takes what is at `time` from the lanes; whether that makes a row. */
  #fillCells(lanes: readonly Lane[], time: bigint): boolean {
    let isRow = false
    for (const lane of lanes) {
      const isHere = lane.at < lane.times.length && (lanes.length === 1 || lane.times[lane.at] === time)
      if (isHere) {
        lane.at++
        if (lane.isShown) isRow = true
      }
      for (const column of lane.columns) {
        const has =
          isHere &&
          column.at < column.count &&
          (column.times === undefined || column.times[column.at] === time)
        this.#cells[column.position] = has ? column.cell(column.at++) : undefined
        if (has) isRow = true
      }
    }
    return isRow
  }

  #laneOf(frame: Frame, { index, isShown, columns }: RowGroup): Lane {
    const times = frame.column(index) as BigInt64Array
    return {
      times,
      isShown,
      at: 0,
      columns: columns.map(({ channel: { name, type }, position }) => {
        const data = frame.column(name)
        return {
          position,
          count: data.length,
          times: data.length === times.length ? undefined : frame.timestamps(name),
          cell: this.#writer.cellOf(type, data),
          at: 0,
        }
      }),
    }
  }
}

function earliest(lanes: readonly Lane[]): bigint | undefined {
  let least: bigint | undefined
  for (const { times, at } of lanes) {
    const time = times[at]
    if (time !== undefined && (least === undefined || time < least)) least = time
  }
  return least
}
