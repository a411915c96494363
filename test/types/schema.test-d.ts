// What compiles with a schema and what does not; checked by the type checker alone.

import { channel, type ChannelBuilders } from '../../src/telem/channel.ts'
import type {
  AnySchema,
  ChannelNames,
  ElementOf,
  FrameInput,
  Schema,
  TypesOf,
} from '../../src/channel/schema.ts'
import type { DataType } from '../../src/telem/data-type.ts'
import type { Frame, FrameRow } from '../../src/telem/frame.ts'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
type Expect<T extends true> = T
type Flat<T> = { [K in keyof T]: T[K] }

interface Writer<S extends Schema, N extends string> {
  write(frame: FrameInput<S, N>): Promise<boolean>
}

interface Database<S extends Schema> {
  openWriter<const N extends ChannelNames<S>>(channels: readonly N[]): Promise<Writer<S, N>>
  read<const N extends ChannelNames<S>>(channels: N | readonly N[]): Promise<Frame<TypesOf<S, N>>>
}

declare function open<const S extends Schema = AnySchema>(options?: { channels: S }): Database<S>

const schema = {
  time: channel.index(),
  pressure: channel.float64({ index: 'time', unit: 'bar' }),
  valve: channel.boolean({ index: 'time' }),
  slow: channel.index({ concurrency: 'shared' }),
  state: channel.int32({ index: 'slow', metadata: { rack: 3, tags: ['a', null] } }),
  total: channel.uint64({ index: 'slow' }),
}
type S = typeof schema

type _TypeTests = [
  Expect<Equal<ChannelNames<S>, 'time' | 'pressure' | 'valve' | 'slow' | 'state' | 'total'>>,
  Expect<Equal<ChannelNames<AnySchema>, string>>,
  Expect<Equal<Flat<TypesOf<S, 'time' | 'state'>>, { time: 'timestamp'; state: 'int32' }>>,
  Expect<Equal<TypesOf<AnySchema, string>['x'], DataType>>,
  Expect<Equal<ElementOf<'int64'>, bigint | number>>,
  Expect<Equal<FrameRow<{ t: 'timestamp'; p: 'float32' }>, { t: bigint | undefined; p: number | undefined }>>,
  Expect<Equal<ReturnType<ChannelBuilders['int8']>['type'], 'int8'>>,
]

export async function withSchema(): Promise<void> {
  const db = open({ channels: schema })

  const one = await db.openWriter(['time', 'pressure'])
  await one.write({ time: new BigInt64Array(1), pressure: new Float64Array(1) })
  await one.write({ time: [1n, new Date(0), '2024-01-01T00:00:00Z'], pressure: [1, 2, 3] })
  await one.write({ time: 1n, pressure: 2 })
  // @ts-expect-error pressure is forgotten
  await one.write({ time: 1n })
  // @ts-expect-error time is forgotten
  await one.write({ pressure: 1 })
  // @ts-expect-error a bare number is no time
  await one.write({ time: 1, pressure: 1 })
  // @ts-expect-error no such channel
  await one.write({ time: 1n, pressure: 1, flow: 1 })
  // @ts-expect-error in the schema, not in the writer
  await one.write({ time: 1n, pressure: 1, valve: true })
  // @ts-expect-error a string is no sample of a float channel
  await one.write({ time: 1n, pressure: '1' })
  // @ts-expect-error a bigint is no sample of a float channel
  await one.write({ time: 1n, pressure: 1n })

  const two = await db.openWriter(['time', 'valve', 'slow', 'state', 'total'])
  await two.write({ time: 1n, valve: true })
  await two.write({ slow: [1n], state: new Int32Array(1), total: [1n] })
  await two.write({ slow: 1n, state: 1, total: 5, time: 1n, valve: 0 })
  // @ts-expect-error half of a group beside a whole one
  await two.write({ time: 1n, valve: true, slow: 1n, state: 1 })
  // @ts-expect-error half of a group alone
  await two.write({ slow: 1n, state: 1 })
  // @ts-expect-error a Float64Array for an int32 channel
  await two.write({ slow: [1n], state: new Float64Array(1), total: [1n] })
  // @ts-expect-error a BigInt64Array for a uint64 channel
  await two.write({ slow: [1n], state: [1], total: new BigInt64Array(1) })

  const backfill = await db.openWriter(['pressure', 'valve'])
  await backfill.write({ pressure: [1], valve: [true] })
  // @ts-expect-error of one group, though its index is not among them
  await backfill.write({ pressure: [1] })

  // @ts-expect-error no such channel
  await db.openWriter(['time', 'presure'])

  const frame = await db.read(['time', 'pressure', 'total'])
  frame.column('pressure') satisfies Float64Array
  frame.column('time') satisfies BigInt64Array
  frame.series('total')[0]?.at(0) satisfies bigint | undefined
  frame.timestamps('pressure') satisfies BigInt64Array
  for (const row of frame.rows()) row.pressure satisfies number | undefined
  // @ts-expect-error the column is a Float64Array
  frame.column('pressure') satisfies BigInt64Array
  // @ts-expect-error not read
  frame.column('valve')
  ;(await db.read('pressure')).column('pressure') satisfies Float64Array
  // @ts-expect-error no such channel
  await db.read('presure')
  // @ts-expect-error no such channel
  await db.read(['pressure', 'presure'])
  // A frame of a schema serves where any frame does.
  frame satisfies Frame
}

export async function withLiteralEntries(): Promise<void> {
  const db = open({ channels: { t: { kind: 'index' }, p: { kind: 'data', type: 'int16', index: 't' } } })
  const writer = await db.openWriter(['t', 'p'])
  await writer.write({ t: 1n, p: new Int16Array(1) })
  // @ts-expect-error p is forgotten
  await writer.write({ t: 1n })
  ;(await db.read('p')).column('p') satisfies Int16Array
}

export async function withoutSchema(names: string[]): Promise<void> {
  const db = open()
  const writer = await db.openWriter(names)
  await writer.write({ anything: [1, 2], else: 1n, at: new Date(0), flags: [true] })
  // @ts-expect-error whatever the channel, an object holds no samples
  await writer.write({ anything: { nested: 1 } })
  const frame = await db.read(['a', 'b'])
  frame.column('a') satisfies ArrayLike<number | bigint>
  frame.column('whatever')
  frame satisfies Frame
}

export async function withManyGroups(): Promise<void> {
  const db = open({
    channels: {
      t1: channel.index(),
      t2: channel.index(),
      t3: channel.index(),
      t4: channel.index(),
      t5: channel.index(),
      t6: channel.index(),
      t7: channel.index(),
      a1: channel.int8({ index: 't1' }),
    },
  })
  const writer = await db.openWriter(['t1', 't2', 't3', 't4', 't5', 't6', 't7', 'a1'])
  // More groups than combinations are spelt out for: the compiler lets it pass, the writer does not.
  await writer.write({ t1: 1n })
  // @ts-expect-error types and names are still checked
  await writer.write({ a1: '1' })
  const six = await db.openWriter(['t1', 't2', 't3', 't4', 't5', 't6', 'a1'])
  // @ts-expect-error a1 is forgotten
  await six.write({ t1: 1n })
}

export function builders(): void {
  // @ts-expect-error a data channel needs an index
  channel.float64({})
  // @ts-expect-error no such option
  channel.float64({ index: 'time', units: 'bar' })
  // @ts-expect-error no such type
  channel.uuid({ index: 'time' })
}
