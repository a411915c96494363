// LMDB (lmdb-js). Frames are one value each: the columns one after another, under the time of the last
// row, so that one seek finds the frame where a range begins. Rows are one value each, under their time.
// `handed over` is noSync: the operating system has every commit, and nothing is synced (a power loss may
// damage the whole file, not just take its end: LMDB has no setting between). Synchronous commits, since
// each is waited for, and for rows a writable map: both are the fastest for their workload.

import { open } from 'lmdb'
import type { Key } from 'lmdb'
import { renameSync } from 'node:fs'
import { join } from 'node:path'
import type { Engine, Store, StoreOptions } from './engine.ts'
import { FRAME } from './data.ts'
import { bytesOf, gather, lowerBound } from './frame-bytes.ts'

/** Frames deleted in one transaction. */
const BATCH = 100

function openStore({ directory, channels, promised, written }: StoreOptions): Store {
  const options = {
    encoding: 'binary' as const,
    keyEncoding: 'binary' as const,
    noSync: promised === 'handed over',
    useWritemap: promised === 'handed over' && written === 'rows',
  }
  const path = join(directory, 'samples.mdb')
  let db = open<Buffer, Key>({ path, ...options })
  const keyBytes = Buffer.alloc(8)
  /** Good until the next. */
  const keyOf = (time: bigint): Buffer => {
    keyBytes.writeBigUInt64BE(time)
    return keyBytes
  }
  const rowsPerValue = written === 'rows' ? 1 : FRAME
  const value = Buffer.alloc(rowsPerValue * (channels.length + 1) * 8)
  const row = new Float64Array(channels.length)
  const rowBytes = Buffer.from(row.buffer)
  return {
    writeFrame(times, columns) {
      value.set(bytesOf(times), 0)
      for (let i = 0; i < columns.length; i++) value.set(bytesOf(columns[i]!), (i + 1) * FRAME * 8)
      db.putSync(keyOf(times[FRAME - 1]!), value)
    },
    writeRow(object) {
      for (let i = 0; i < channels.length; i++) row[i] = object[channels[i]!] as number
      db.putSync(keyOf(object['time'] as bigint), rowBytes)
    },
    async writeTogether(rows) {
      const puts = rows.map((object) => {
        for (let i = 0; i < channels.length; i++) row[i] = object[channels[i]!] as number
        return db.put(keyOf(object['time'] as bigint), Buffer.from(rowBytes))
      })
      await Promise.all(puts)
      await db.flushed
    },
    read(read, start, end) {
      const ordinals = read.map((name) => channels.indexOf(name))
      const pieces = read.map((): Float64Array[] => [])
      for (const { key, value: bytes } of db.getRange({ start: keyOf(start) })) {
        if (written === 'rows') {
          if ((key as Buffer).readBigUInt64BE() >= end) break
          const all = new Float64Array(bytes.buffer, bytes.byteOffset, channels.length)
          ordinals.forEach((ordinal, i) => pieces[i]!.push(all.subarray(ordinal, ordinal + 1)))
          continue
        }
        const times = new BigInt64Array(bytes.buffer, bytes.byteOffset, FRAME)
        const from = lowerBound(times, start)
        const to = lowerBound(times, end)
        if (to === 0) break
        ordinals.forEach((ordinal, i) => {
          const column = new Float64Array(bytes.buffer, bytes.byteOffset + (ordinal + 1) * FRAME * 8, FRAME)
          pieces[i]!.push(column.subarray(from, to))
        })
        if (to < FRAME) break
      }
      return pieces.map(gather)
    },
    columns: (columns: readonly Float64Array[]) => columns,
    count(start, end) {
      return (
        db.getKeysCount({ start: Buffer.from(keyOf(start)), end: Buffer.from(keyOf(end)) }) * rowsPerValue
      )
    },
    delete(start, end) {
      const range = { start: Buffer.from(keyOf(start)), end: Buffer.from(keyOf(end)) }
      const keys = [...db.getKeys(range)]
      for (let from = 0; from < keys.length; from += BATCH) {
        db.transactionSync(() => {
          for (const key of keys.slice(from, from + BATCH)) db.removeSync(key)
        })
      }
    },
    async reclaim() {
      // The file never shrinks, its free pages are used again: a compacted copy gives bytes back.
      const copy = join(directory, 'compacted.mdb')
      await db.backup(copy, true)
      await db.close()
      renameSync(copy, path)
      db = open<Buffer, Key>({ path, ...options })
    },
    close: () => db.close(),
  }
}

/** LMDB. */
export const lmdb: Engine = { title: 'LMDB', open: openStore }
