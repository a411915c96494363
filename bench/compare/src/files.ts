// Plain files, as the floor: what the bytes alone cost. One file; frames are appended column after column,
// rows one after another. No checksums, no recovery, no atomicity, no second process: a torn end would
// have to be found by whoever opens it. `synced` is one fdatasync a commit.

import { closeSync, fdatasyncSync, fstatSync, openSync, readSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { FRAME } from './data.ts'
import type { Engine, Store, StoreOptions } from './engine.ts'
import { bytesOf, gather, lowerBound } from './frame-bytes.ts'

function openStore({ directory, channels, promised, written }: StoreOptions): Store {
  const path = join(directory, 'samples')
  let fd = openSync(path, 'a+')
  const rowsPerUnit = written === 'rows' ? 1 : FRAME
  const width = (channels.length + 1) * 8
  const unit = rowsPerUnit * width
  const bytes = Buffer.alloc(unit)
  const row = new Float64Array(bytes.buffer, bytes.byteOffset, channels.length + 1)
  const rowTime = new BigInt64Array(bytes.buffer, bytes.byteOffset, 1)
  let size = fstatSync(fd).size
  /** First time of each unit. */
  let firsts: bigint[] = []
  const first = new BigInt64Array(1)
  for (let at = 0; at < size; at += unit) {
    readSync(fd, first, 0, 8, at)
    firsts.push(first[0]!)
  }
  let isTogether = false
  const append = (time: bigint): void => {
    writeSync(fd, bytes)
    if (promised === 'synced' && !isTogether) fdatasyncSync(fd)
    firsts.push(time)
    size += unit
  }
  /** The unit that a time lies in, or would. */
  const unitOf = (time: bigint): number => {
    let from = 0
    let to = firsts.length
    while (from < to) {
      const middle = (from + to) >>> 1
      if (firsts[middle]! <= time) from = middle + 1
      else to = middle
    }
    return Math.max(0, from - 1)
  }
  const times = new BigInt64Array(rowsPerUnit)
  /** Units with rows in a range, and which of their rows. */
  function* pieces(start: bigint, end: bigint): Generator<{ at: number; from: number; to: number }> {
    for (let i = unitOf(start); i < firsts.length && firsts[i]! < end; i++) {
      readSync(fd, times, 0, times.byteLength, i * unit)
      const from = lowerBound(times, start)
      const to = lowerBound(times, end)
      if (from < to) yield { at: i * unit, from, to }
    }
  }
  let deleted: { start: bigint; end: bigint } | undefined
  return {
    writeFrame(frameTimes, columns) {
      bytes.set(bytesOf(frameTimes), 0)
      for (let i = 0; i < columns.length; i++) bytes.set(bytesOf(columns[i]!), (i + 1) * FRAME * 8)
      append(frameTimes[0]!)
    },
    writeRow(object) {
      const time = object['time'] as bigint
      rowTime[0] = time
      for (let i = 0; i < channels.length; i++) row[i + 1] = object[channels[i]!] as number
      append(time)
    },
    writeTogether(rows) {
      isTogether = true
      for (const object of rows) this.writeRow(object)
      isTogether = false
      if (promised === 'synced') fdatasyncSync(fd)
    },
    read(read, start, end) {
      const ordinals = read.map((name) => channels.indexOf(name) + 1)
      const found = read.map((): Float64Array[] => [])
      for (const { at, from, to } of pieces(start, end)) {
        ordinals.forEach((ordinal, i) => {
          const values = new Float64Array(to - from)
          readSync(fd, values, 0, values.byteLength, at + (ordinal * rowsPerUnit + from) * 8)
          found[i]!.push(values)
        })
      }
      return found.map((each) => (each.length === 1 ? each[0]! : gather(each)))
    },
    columns: (columns: readonly Float64Array[]) => columns,
    count(start, end) {
      let count = 0
      for (const { from, to } of pieces(start, end)) count += to - from
      return count
    },
    delete(start, end) {
      deleted = { start, end }
    },
    reclaim() {
      // Whole units, copied to another file: a file cannot be cut in its middle.
      const kept = firsts.flatMap((time, i) => (time >= deleted!.start && time < deleted!.end ? [] : [i]))
      const copy = openSync(`${path}.copy`, 'a+')
      for (const i of kept) {
        readSync(fd, bytes, 0, unit, i * unit)
        writeSync(copy, bytes)
      }
      fdatasyncSync(copy)
      renameSync(`${path}.copy`, path)
      closeSync(fd)
      fd = copy
      firsts = kept.map((i) => firsts[i]!)
      size = firsts.length * unit
    },
    close() {
      closeSync(fd)
    },
  }
}

/** Plain files. */
export const files: Engine = { title: 'plain file', open: openStore }
