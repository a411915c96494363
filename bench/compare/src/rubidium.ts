// Rubidium, built as it is for its users (`npm run build` here does it, into dist/rubidium, so that a build
// of the project can go on beside a run). `handed over` is its default durability, which also syncs once a
// second.

import { open } from '../dist/rubidium/index.js'
import type { Frame } from '../dist/rubidium/index.js'
import type { Engine, Row, Store, StoreOptions } from './engine.ts'

/** A segment is collected from this share of dead bytes on: the tenth that goes is within one. */
const THRESHOLD = 0.05

async function openStore({ directory, channels, promised }: StoreOptions): Promise<Store> {
  const durability = promised === 'synced' ? 'strict' : 'batched'
  const db = await open(directory, { durability })
  const names = ['time', ...channels]
  if (db.channels.find('time') === undefined) {
    await db.channels.create([
      { name: 'time', kind: 'index' },
      ...channels.map((name) => ({ name, kind: 'data', type: 'float64', index: 'time' }) as const),
    ])
  }
  const writer = await db.openWriter(names)
  return {
    writeFrame(times, columns) {
      const frame: Record<string, BigInt64Array | Float64Array> = { time: times }
      for (let i = 0; i < channels.length; i++) frame[channels[i]!] = columns[i]!
      return writer.write(frame)
    },
    writeRow: (row: Row) => writer.write(row),
    writeTogether: (rows) => Promise.all(rows.map((row) => writer.write(row))),
    read: (read, start, end) => db.read([...read], { start, end }),
    columns: (frame: Frame) => frame.channels.map((name) => frame.column(name) as Float64Array),
    count: async (start, end) => (await db.count('time', { start, end }))['time']!,
    delete: (start, end) => db.delete(names, { start, end }),
    settle: () => db.gc(),
    reclaim: () => db.gc({ threshold: THRESHOLD }),
    async close() {
      await writer.close()
      await db.close()
    },
  }
}

/** Rubidium. */
export const rubidium: Engine = { title: 'Rubidium', open: openStore }
