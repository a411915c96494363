// One bad block costs that block only (issue 4, point 7): wherever a bit of an extent is flipped, all other
// samples stay readable, in their channel and in others; reads of the block name it; and verify() finds
// it, that alone, and all of several in one run. Bytes that hold nothing cost nothing.

import { beforeAll, describe, expect, it } from 'vitest'
import { openIn } from '../../src/database/public.ts'
import { openEngine } from '../../src/database/opening/open.ts'
import { resolveOptions } from '../../src/database/options.ts'
import { CorruptionError } from '../../src/errors.ts'
import { segmentFile } from '../../src/fs/layout.ts'
import type { MemoryFileSystem } from '../../src/fs/memory-file-system.ts'
import { SeededRandom } from '../../src/fs/seeded-random.ts'
import type { Database } from '../../src/index.ts'
import { EXTENT_HEADER_SIZE, UNIT_SAMPLES } from '../../src/segment/extent-layout.ts'
import { byteWidth } from '../../src/telem/data-type.ts'
import type { DataType } from '../../src/telem/data-type.ts'
import { DIRECTORY } from '../crash/machine.ts'
import { propertyOptions } from '../support/seeds.ts'
import { RotMachine } from './machine.ts'

/** Two blocks, the second of two units. */
const ROWS = 1200
const UNITS = Math.ceil(ROWS / UNIT_SAMPLES)
const TYPES = { t: 'timestamp', a: 'float64', b: 'int16' } as const satisfies Record<string, DataType>
type Name = keyof typeof TYPES
const NAMES = Object.keys(TYPES) as Name[]

const times = BigInt64Array.from({ length: ROWS }, (_, i) => 1_700_000_000_000_000_000n + BigInt(i) * 1000n)
const expected: Record<Name, readonly string[]> = {
  t: Array.from(times, String),
  a: Array.from(times, (_, i) => String(i / 2)),
  b: Array.from(times, (_, i) => String(i)),
}

/** Where the one extent of a channel lies. */
interface Place {
  readonly path: string
  readonly offset: number
  readonly length: number
}

let disk: MemoryFileSystem
let places: Record<Name, Place>

function machineOf(of: MemoryFileSystem): RotMachine {
  return RotMachine.opener(of, true)
}

beforeAll(async () => {
  const machine = new RotMachine(7)
  const db = await openIn(machine.environment({}), DIRECTORY)
  await db.channels.create([
    { name: 't', kind: 'index' },
    { name: 'a', kind: 'data', type: 'float64', index: 't' },
    { name: 'b', kind: 'data', type: 'int16', index: 't' },
  ])
  const writer = await db.openWriter(NAMES)
  await writer.write({
    t: times,
    a: Float64Array.from(times, (_, i) => i / 2),
    b: Int16Array.from(times, (_, i) => i),
  })
  await writer.close()
  await db.close()
  disk = machine.disk
  const { engine } = await openEngine(machineOf(disk.clone()).environment({}), DIRECTORY, {
    ...resolveOptions({ readOnly: true }),
  })
  places = Object.fromEntries(
    NAMES.map((name) => {
      const table = engine.version.pointers.get(engine.catalogue.byName.get(name)!.key)
      expect(table.length).toBe(1)
      const { segment, offset, length } = table.get(0)
      return [name, { path: `${DIRECTORY}/${segmentFile(segment)}`, offset, length }]
    }),
  ) as Record<Name, Place>
})

/** Opens a copy of the disk with a bit of each of these bytes flipped. */
async function openDamaged(
  ...flips: readonly { readonly path: string; readonly offset: number; readonly bit: number }[]
): Promise<Database> {
  const copy = disk.clone()
  for (const { path, offset, bit } of flips) copy.corrupt(path, offset, 1 << bit)
  return openIn(machineOf(copy).environment({}), DIRECTORY, { readOnly: true })
}

/** Where the samples of a unit lie. */
function unitAt(name: Name, unit: number): number {
  return places[name].offset + EXTENT_HEADER_SIZE + unit * UNIT_SAMPLES * byteWidth(TYPES[name])
}

function unitSize(name: Name, unit: number): number {
  return Math.min(UNIT_SAMPLES, ROWS - unit * UNIT_SAMPLES) * byteWidth(TYPES[name])
}

/** Reads samples [from, to) of a channel, alone. */
async function read(db: Database, name: Name, from: number, to: number): Promise<string[] | CorruptionError> {
  const range = { start: times[from]!, end: times[to - 1]! + 1n }
  try {
    const frame = await db.read(name, range)
    return Array.from(frame.column(name), String)
  } catch (error) {
    if (error instanceof CorruptionError) return error
    throw error
  }
}

/** Reads every unit of every channel: which cannot be read, and with what error. Fails for wrong data. */
async function unreadable(db: Database): Promise<Map<string, CorruptionError>> {
  const errors = new Map<string, CorruptionError>()
  for (const name of NAMES) {
    for (let unit = 0; unit < UNITS; unit++) {
      const [from, to] = [unit * UNIT_SAMPLES, Math.min(ROWS, (unit + 1) * UNIT_SAMPLES)]
      const found = await read(db, name, from, to)
      if (found instanceof CorruptionError) errors.set(`${name} ${unit}`, found)
      else expect(found).toEqual(expected[name].slice(from, to))
    }
  }
  return errors
}

const { numRuns, seed = 1 } = propertyOptions(2)

/** Some offsets of [from, to), and a bit each. */
function some(
  path: string,
  from: number,
  to: number,
  salt: number,
): { path: string; offset: number; bit: number }[] {
  const random = new SeededRandom(Math.abs(seed) * 1000 + salt)
  return Array.from({ length: numRuns }, () => ({
    path,
    offset: from + random.below(to - from),
    bit: random.below(8),
  }))
}

describe.each(NAMES)('a flipped bit in the extent of channel %s', (name) => {
  it.each(Array.from({ length: UNITS }, (_, unit) => unit))('in unit %i costs that unit', async (unit) => {
    const offset = unitAt(name, unit)
    for (const flip of some(places[name].path, offset, offset + unitSize(name, unit), unit)) {
      const db = await openDamaged(flip)
      const errors = await unreadable(db)
      // The times where a read of data is cut are looked up in the index channel.
      const costs = name === 't' ? NAMES.map((each) => `${each} ${unit}`) : [`${name} ${unit}`]
      expect(costs).toEqual(expect.arrayContaining([...errors.keys()]))
      expect(errors.has(`${name} ${unit}`)).toBe(true)
      for (const error of errors.values()) expect(error).toMatchObject({ file: flip.path, offset })
      for (const other of NAMES) {
        const whole = await read(db, other, 0, ROWS)
        if (other === name) expect(whole).toMatchObject({ file: flip.path, offset })
        else expect(whole).toEqual(expected[other])
      }
      const { ok, problems } = await db.verify()
      expect(ok).toBe(false)
      expect(problems).toMatchObject([{ file: flip.path, offset, channel: name }])
      await db.close()
    }
  })

  it('in its header or its table costs that extent', async () => {
    const { path, offset, length } = places[name]
    const tableFrom = offset + length - 64
    for (const flip of [
      ...some(path, offset, offset + EXTENT_HEADER_SIZE, 100),
      ...some(path, tableFrom, offset + length, 101),
    ]) {
      const db = await openDamaged(flip)
      const errors = await unreadable(db)
      expect([...errors.keys()].filter((key) => key.startsWith(name))).toHaveLength(UNITS)
      for (const other of NAMES) {
        const whole = await read(db, other, 0, ROWS)
        if (other !== name) expect(whole).toEqual(expected[other])
        else expect(whole).toBeInstanceOf(CorruptionError)
      }
      const { problems } = await db.verify()
      expect(problems).toHaveLength(1)
      expect(problems[0]).toMatchObject({ file: path, channel: name })
      await db.close()
    }
  })
})

describe('several bad blocks', () => {
  it('are all found by one verify()', async () => {
    const flips = NAMES.flatMap((name) =>
      [1, 8].map((unit) => ({ path: places[name].path, offset: unitAt(name, unit) + 3, bit: 4 })),
    )
    const db = await openDamaged(...flips)
    const { problems } = await db.verify()
    const found = problems.map(({ file, offset, channel }) => ({ file, offset, channel }))
    const wanted = NAMES.flatMap((channel) =>
      [1, 8].map((unit) => ({ file: places[channel].path, offset: unitAt(channel, unit), channel })),
    )
    expect(found).toEqual(expect.arrayContaining(wanted))
    expect(found).toHaveLength(wanted.length)
    await db.close()
  })

  it('are told by a read that meets several, by the first', async () => {
    const db = await openDamaged(
      { path: places.b.path, offset: unitAt('b', 2), bit: 0 },
      { path: places.b.path, offset: unitAt('b', 5), bit: 0 },
    )
    expect(await read(db, 'b', 0, ROWS)).toMatchObject({ offset: unitAt('b', 2) })
    expect(await read(db, 'b', 3 * UNIT_SAMPLES, ROWS)).toMatchObject({ offset: unitAt('b', 5) })
    await db.close()
  })
})
