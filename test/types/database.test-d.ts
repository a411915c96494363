// What compiles against the real `open`, with a schema and without; checked by the type checker alone.

import { channel, open } from '../../src/index.ts'
import type { Channel, Database, Frame, Snapshot, TimeRange, Writer } from '../../src/index.ts'

const schema = {
  time: channel.index(),
  pressure: channel.float64({ index: 'time', unit: 'bar' }),
  count: channel.int32({ index: 'time' }),
  total: channel.int64({ index: 'time' }),
  valve: channel.boolean({ index: 'time' }),
  slow: channel.index({ concurrency: 'shared' }),
  state: channel.uint8({ index: 'slow' }),
}

export async function withSchema(directory: string): Promise<void> {
  await using db = await open(directory, {
    channels: schema,
    durability: 'strict',
    syncInterval: '100ms',
    gc: false,
  })
  // @ts-expect-error an unknown option
  await open(directory, { chanels: schema })
  // @ts-expect-error an unknown durability
  await open(directory, { durability: 'eventual' })
  // @ts-expect-error a bare number is no span
  await open(directory, { syncInterval: 1000 })

  await using writer = await db.openWriter(['time', 'pressure', 'count'])
  await writer.write({ time: new BigInt64Array(1), pressure: new Float64Array(1), count: new Int32Array(1) })
  await writer.write({
    time: [1n, new Date(0), '2024-01-01T00:00:00Z'],
    pressure: [1, 2, 3],
    count: [1, 2, 3],
  })
  await writer.write({ time: 1n, pressure: 1, count: 1 })
  ;(await writer.commit()) satisfies bigint | undefined
  // @ts-expect-error a Float64Array for an int channel
  await writer.write({ time: [1n], pressure: [1], count: new Float64Array(1) })
  // @ts-expect-error a string for a float channel
  await writer.write({ time: 1n, pressure: '1', count: 1 })
  // @ts-expect-error a bare number is no time
  await writer.write({ time: 1, pressure: 1, count: 1 })
  // @ts-expect-error count is forgotten
  await writer.write({ time: 1n, pressure: 1 })
  // @ts-expect-error the index is forgotten
  await writer.write({ pressure: 1, count: 1 })
  // @ts-expect-error valve is in the schema, not in the writer
  await writer.write({ time: 1n, pressure: 1, count: 1, valve: true })
  // @ts-expect-error flow is nowhere
  await writer.write({ time: 1n, pressure: 1, count: 1, flow: 1 })
  // @ts-expect-error no such channel
  await db.openWriter(['time', 'presure'])
  // @ts-expect-error no such option
  await db.openWriter({ channels: ['time'], autoIndex: true })

  await reading(db)
  const both = await db.openWriter({
    channels: ['time', 'total', 'slow', 'state'],
    start: new Date(),
    autoCommit: false,
    durability: 'relaxed',
  })
  await both.write({ time: 1n, total: 5n })
  await both.write({ slow: [1n], state: new Uint8Array(1) })
  await both.write({ slow: 1n, state: 1, time: '2024-01-01T00:00:00Z', total: 5 })
  // @ts-expect-error half of a group beside a whole one
  await both.write({ time: 1n, total: 5n, slow: 1n })
  // @ts-expect-error a Float64Array for an int64 channel
  await both.write({ time: [1n], total: new Float64Array(1) })
}

async function reading(db: Database<typeof schema>): Promise<void> {
  const frame = await db.read(
    ['time', 'pressure', 'valve'],
    { start: 1n, end: new Date() },
    { timestamps: true },
  )
  frame.column('pressure') satisfies Float64Array
  frame.column('time') satisfies BigInt64Array
  frame.column('valve') satisfies Uint8Array
  frame.timestamps('valve') satisfies BigInt64Array
  frame.series('pressure')[0]?.at(0) satisfies number | undefined
  for (const row of frame.rows()) {
    row.pressure satisfies number | undefined
    row.time satisfies bigint | undefined
    // @ts-expect-error not in the frame
    void row.count
  }
  // @ts-expect-error the column is a Float64Array
  frame.column('pressure') satisfies BigInt64Array
  // @ts-expect-error not in the frame
  frame.column('count')
  // @ts-expect-error no such channel
  await db.read('presure')
  // @ts-expect-error no such channel in the list
  await db.read(['time', 'presure'])
  // @ts-expect-error a bare number is no time
  await db.read('time', { start: 1 })
  // @ts-expect-error no such option
  await db.read('time', {}, { into: [] })
  ;(await db.read('total')).column('total') satisfies BigInt64Array

  const newest = await db.latest('state', 3, { at: '2024-01-01T00:00:00Z' })
  newest.column('state') satisfies Uint8Array
  for await (const each of db.frames(['count', 'pressure'], {}, { span: '1s', samples: 10 }))
    each.column('count') satisfies Int32Array
  ;(await db.bounds('time')) satisfies TimeRange | undefined
  // @ts-expect-error no such channel
  await db.bounds('presure')
  // @ts-expect-error no such channel
  await db.count('presure')
  // @ts-expect-error a delete needs a range
  await db.delete('time')
  // @ts-expect-error no such channel
  await db.delete('presure', {})
  const snapshot: Snapshot<typeof schema> = db.snapshot()
  ;(await snapshot.read('pressure')).column('pressure') satisfies Float64Array
  // @ts-expect-error no such channel
  await snapshot.read('presure')
}

export async function channels(db: Database): Promise<void> {
  ;(await db.channels.create({ name: 'time', kind: 'index' })) satisfies Channel
  ;(await db.channels.create([
    { name: 'p', kind: 'data', type: 'float64', index: 'time' },
  ])) satisfies Channel[]
  ;(await db.channels.create(['a', 'b'].map((name) => ({ name, kind: 'index' })))) satisfies Channel[]
  // @ts-expect-error a data channel needs an index
  await db.channels.create({ name: 'p', kind: 'data', type: 'float64' })
  // @ts-expect-error no such type yet
  await db.channels.create({ name: 'p', kind: 'data', type: 'string', index: 'time' })
  // @ts-expect-error channels are frozen
  db.channels.get('time').name = 'other'
}

export async function withoutSchema(directory: string): Promise<void> {
  const db: Database = await open(directory)
  const names: string[] = ['time', 'pressure']
  const writer: Writer = await db.openWriter(names)
  await writer.write({ time: 1n, pressure: 1 })
  const frame: Frame = await db.read(names)
  const column = frame.column('pressure')
  column.length satisfies number
  await db.latest('anything')
}
