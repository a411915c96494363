// The pitfalls of users, by name: frames that are read by position, objects that are dictionaries, user
// code that runs in the middle of a write, names that every object has, and reports that hold big integers.

import { describe, expect, it } from 'vitest'
import { ValidationError } from '../../src/errors.ts'
import { createGroup, frameOf, numbers, Stage, timesFrom, timesOf } from './stage.ts'

describe('aligned by accident', () => {
  it('timestamps stand beside the column of their channel, whatever the index channel has', async () => {
    const { db } = await new Stage().open()
    await createGroup(db, 'time', ['a', 'b'])
    const writer = await db.openWriter(['time', 'a', 'b'])
    await writer.write(frameOf('time', ['a', 'b'], timesFrom(1, 6)))
    await db.delete('a', { start: 2n, end: 4n })
    const frame = await db.read(['time', 'a', 'b'], {})
    expect([...frame.column('a')]).toEqual([0.5, 2, 2.5, 3])
    expect([...frame.timestamps('a')]).toEqual([1n, 4n, 5n, 6n])
    expect([...frame.timestamps('b')]).toEqual([...frame.column('time')])
    expect([...frame.rows()].map((row) => row['a'])).toEqual([0.5, undefined, undefined, 2, 2.5, 3])
    const without = await db.read(['a', 'b'], {})
    expect(() => without.timestamps('a')).toThrow(ValidationError)
  })
})

describe('objects filled in a loop', () => {
  it('of many keys, in any order, are written as they are meant', async () => {
    const { db } = await new Stage().open()
    const names = Array.from({ length: 60 }, (_, i) => `c${i}`)
    await createGroup(db, 'time', names)
    const writer = await db.openWriter(['time', ...names])
    for (let i = 1; i <= 5; i++) {
      const frame: Record<string, bigint | number> = {}
      for (const name of i % 2 === 0 ? names : names.toReversed())
        frame[name] = i * 100 + Number(name.slice(1))
      frame['time'] = BigInt(i)
      delete frame['c7']
      frame['c7'] = i * 100 + 7
      await writer.write(frame)
    }
    const frame = await db.read(names, {})
    for (const name of names) {
      expect([...frame.column(name)]).toEqual(numbers(1, 5).map((i) => i * 100 + Number(name.slice(1))))
    }
  })
})

describe('a getter, a proxy, toJSON', () => {
  it('that writes with the same writer in the middle of a write takes its place behind it', async () => {
    const { db } = await new Stage().open()
    await createGroup(db, 'time', ['a'])
    const writer = await db.openWriter(['time', 'a'])
    const inner: Promise<boolean>[] = []
    const outer = writer.write({
      get time() {
        inner.push(writer.write({ time: 2n, a: 1 }))
        return 1n
      },
      a: 0.5,
    })
    expect(await Promise.all([outer, ...inner])).toEqual([true, true])
    expect(await timesOf(db, 'a')).toEqual([1, 2])
  })

  it('that deletes, closes the writer or throws in the middle of a write leaves a whole frame or none', async () => {
    const { db } = await new Stage().open()
    await createGroup(db, 'time', ['a'])
    const writer = await db.openWriter(['time', 'a'])
    await writer.write({ time: 1n, a: 0.5 })
    const others: Promise<unknown>[] = []
    const nosy = new Proxy(
      { time: timesFrom(2, 3), a: Float64Array.of(1, 1.5, 2) },
      {
        get(target, name, receiver) {
          others.push(db.delete(['time', 'a'], {}))
          return Reflect.get(target, name, receiver) as unknown
        },
      },
    )
    expect(await writer.write(nosy)).toBe(true)
    await Promise.all(others)
    expect(await db.count(['time', 'a'])).toEqual({ time: 0, a: 0 })
    const throwing = {
      time: 10n,
      get a(): number {
        throw new RangeError('mine')
      },
    }
    await expect(writer.write(throwing)).rejects.toThrow('mine')
    expect(await writer.write({ time: 10n, a: 5 })).toBe(true)
    const closing = {
      get time() {
        others.push(writer.close())
        return 11n
      },
      a: 5.5,
    }
    await writer.write(closing)
    await Promise.all(others)
    expect(await timesOf(db, 'a')).toEqual([10, 11])
  })

  it('a column that changes its length while it is read is refused, with nothing recorded', async () => {
    const { db } = await new Stage().open()
    await createGroup(db, 'time', ['a'])
    const writer = await db.openWriter(['time', 'a'])
    const growing = new Proxy([0.5, 1], {
      get(target, name, receiver) {
        if (name === '0') target.push(9)
        return Reflect.get(target, name, receiver) as unknown
      },
    })
    await writer.write({ time: timesFrom(1, 2), a: growing }).catch(() => false)
    const counts = await db.count(['time', 'a'])
    expect([0, 2]).toContain(counts['a'])
    expect(counts['time']).toBe(counts['a'])
    expect(await writer.write({ time: 100n, a: 50 })).toBe(true)
  })
})

describe('__proto__', () => {
  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])(
    '%s is a channel name like any other',
    async (name) => {
      const stage = new Stage()
      const { db } = await stage.open()
      await createGroup(db, 'time', [name, 'b'])
      const writer = await db.openWriter(['time', name, 'b'])
      await expect(writer.write({ time: 1n, b: 0.5 })).rejects.toThrow(ValidationError)
      const frame: Record<string, bigint | number> = { time: 1n, b: 0.5 }
      Object.defineProperty(frame, name, { value: 0.5, enumerable: true })
      expect(await writer.write(frame)).toBe(true)
      expect(await timesOf(db, name)).toEqual([1])
      const [row] = (await db.read(['time', name], {})).rows()
      expect(Object.getOwnPropertyDescriptor(row, name)?.value).toBe(0.5)
      const own = (object: object): unknown => Object.getOwnPropertyDescriptor(object, name)?.value
      expect(own(await db.count(name))).toBe(1)
      expect(own((await db.stats()).channels)).toMatchObject({ samples: 1 })
      expect(own((await db.delete(name, {})).samples)).toBe(1)
      const next = await stage.kill()
      expect(next.db.channels.get(name).name).toBe(name)
    },
  )
})

describe('JSON.stringify', () => {
  it('of frames, reports, snapshots of channels and errors throws nothing', async () => {
    const stage = new Stage()
    const { db } = await stage.open()
    await createGroup(db, 'time', ['a'])
    await db.channels.create({ name: 'big', kind: 'data', type: 'int64', index: 'time' })
    const writer = await db.openWriter(['time', 'a', 'big'])
    await writer.write({ time: timesFrom(1, 2), a: [0.5, 1], big: [2n ** 62n, -5n] })
    const snapshot = db.snapshot()
    const all = [
      await db.read(['time', 'a', 'big'], {}),
      await db.delete('big', { start: 1n, end: 2n }),
      await db.gc({ threshold: 0 }),
      await db.stats(),
      await db.verify(),
      db.channels.list(),
      snapshot.channels.list(),
      await writer.write({ time: 1n, a: 1, big: 1 }).catch((error: unknown) => error),
    ]
    const texts = all.map((each) => JSON.stringify(each))
    for (const text of texts) expect(text.length).toBeGreaterThan(1)
    expect(JSON.parse(texts[0]!)).toMatchObject({ big: ['4611686018427387904', '-5'] })
    const next = await stage.kill()
    expect(JSON.parse(JSON.stringify(await next.db.stats()))).toMatchObject({ recovery: { crashed: true } })
  })
})
