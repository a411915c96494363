// A process that uses a database until it is killed. Arguments: what to do, the folder, the durability, a seed.
// It says what it is about to do ("> ...") and what was acknowledged ("<"; "< nothing" for a delete that found
// nothing) a line each, written at once, so that whoever kills it knows what must be there.
// RUBIDIUM_NO_OS_LOCK=1 leaves the lock out.
//
//   work   opens, reports what it found, and writes, deletes, collects, closes and opens again for ever
//   take   waits for a line, takes the database over from whoever has it, and works until it is taken from it;
//          then says what each call says
//   hold   opens, writes one sample, says so, and waits for the end of its input
//   idle   opens, writes one sample without waiting, and does nothing more: it must end by itself
//   spin   writes `relaxed` without ever letting the loop turn, and kills itself
//   open   opens and closes, or says why not

import { once } from 'node:events'
import { setImmediate as turn } from 'node:timers/promises'
import { crc32 } from 'node:zlib'
import type { Database, Writer } from '../../src/index.ts'
import { systemEnvironment } from '../../src/database/environment.ts'
import { openIn } from '../../src/database/public.ts'
import type { Durability, OpenOptions } from '../../src/database/options.ts'
import { SeededRandom } from '../../src/fs/seeded-random.ts'
import { say, SMALL } from './child-work.ts'

const [what, directory, durability, seed] = process.argv.slice(2) as [string, string, Durability, string]
const random = new SeededRandom(Number(seed))

async function open(options: Partial<OpenOptions> = {}): Promise<Database> {
  const db = await openIn({ ...(await systemEnvironment()), tuning: SMALL }, directory, {
    durability,
    memoryBudget: 1 << 20,
    syncInterval: '20ms',
    ...options,
  })
  if (db.channels.find('time') === undefined && options.readOnly !== true) {
    await db.channels.create([
      { name: 'time', kind: 'index' },
      { name: 'a', kind: 'data', type: 'float64', index: 'time' },
      { name: 'b', kind: 'data', type: 'uint8', index: 'time' },
    ])
  }
  return db
}

/** The database that is worked with. */
let current: Database | undefined

/** After it was taken over: what each call says. */
async function sayLost(error: unknown): Promise<void> {
  const codeOf = ({ code, stack }: Error & { code?: string }): string => code ?? String(stack)
  const calls: Record<string, string> = { work: codeOf(error as Error) }
  const call = async (name: string, act: () => Promise<unknown> | undefined): Promise<void> => {
    calls[name] = await Promise.resolve(act()).then(() => 'ok', codeOf)
  }
  await call('openWriter', () => current?.openWriter(['time', 'a', 'b']))
  await call('delete', () => current?.delete(['time', 'a', 'b'], {}))
  await call('gc', () => current?.gc({ threshold: 0 }))
  await call('sync', () => current?.sync())
  await call('count', () => current?.count('a'))
  await call('close', () => current?.close({ force: true }))
  say(JSON.stringify({ calls }))
}

function frame(first: number, count: number): Record<string, BigInt64Array | Float64Array | Uint8Array> {
  const time = BigInt64Array.from({ length: count }, (_, i) => BigInt(first + i))
  return {
    time,
    a: Float64Array.from(time, (each) => Number(each) * 0.5),
    b: Uint8Array.from(time, (each) => Number(each & 255n)),
  }
}

/** Count and checksum of the times; says so where values or the database are not what they must be. */
async function report(db: Database): Promise<void> {
  const found = await db.read(['time', 'a', 'b'], {})
  const times = found.column('time') as BigInt64Array
  const [a, b] = [found.column('a'), found.column('b')]
  const isWrong = times.some((time, i) => a[i] !== Number(time) * 0.5 || b[i] !== Number(time & 255n))
  const { problems } = await db.verify()
  const wrong = isWrong || a.length !== times.length ? ['values do not belong to their times'] : []
  const newest = times.length === 0 ? 0 : Number(times.at(-1))
  const sum = crc32(new Uint8Array(times.buffer, times.byteOffset, times.byteLength))
  say(JSON.stringify({ count: times.length, sum, newest, problems: [...wrong, ...problems] }))
}

/** Whoever closed and opened again meanwhile is not the one that was to be taken over: then the operator asks once more. */
async function takeOver(): Promise<Database> {
  for (;;) {
    try {
      return await open({ takeover: true })
    } catch (error) {
      if ((error as { code?: string }).code !== 'DATABASE_LOCKED') throw error
    }
  }
}

async function work(takeover = false): Promise<void> {
  say('phase open')
  let db = await (takeover ? takeOver() : open({}))
  current = db
  await report(db)
  let writer = await db.openWriter(['time', 'a', 'b'])
  let [first] = (await once(process.stdin, 'data')).map(Number) as [number]
  process.stdin.unref()
  for (;;) {
    const choice = random.below(100)
    if (choice < 80) first = await writeSome(writer, first)
    else if (choice < 90) await deleteSome(db, first)
    else if (choice < 97) {
      say('phase gc')
      await db.gc({ threshold: 0 })
    } else {
      say('phase close')
      await db.close({ force: true })
      say('phase open')
      db = await open()
      current = db
      writer = await db.openWriter(['time', 'a', 'b'])
    }
  }
}

/** A burst of frames that are not awaited one by one: small ones, and some that go to a segment. */
async function writeSome(writer: Writer, from: number): Promise<number> {
  const acknowledged: Promise<void>[] = []
  let first = from
  for (let left = 1 + random.below(20); left > 0; left--) {
    const count = random.below(8) === 0 ? 200 + random.below(400) : 1 + random.below(20)
    say(`> w ${first} ${count}`)
    acknowledged.push(writer.write(frame(first, count)).then(() => say('<')))
    first += count
  }
  await Promise.all(acknowledged)
  if (random.below(4) === 0) await turn()
  return first
}

async function deleteSome(db: Database, newest: number): Promise<void> {
  const width = random.below(5) === 0 ? newest : 1 + random.below(400)
  const start = Math.max(0, newest - random.below(3000) - width)
  say(`> d ${start} ${start + width}`)
  const { samples } = await db.delete(['time', 'a', 'b'], {
    start: BigInt(start),
    end: BigInt(start + width),
  })
  // One that found nothing has no record, and hands nothing over to the system that came before.
  say(Object.values(samples).some((count) => count > 0) ? '<' : '< nothing')
}

/** Writes for several intervals in one turn of the loop, noting when each frame was acknowledged; then kills itself. */
async function spin(): Promise<void> {
  const db = await open({ syncInterval: '100ms', memoryBudget: 64 << 20 })
  const writer = await db.openWriter({ channels: ['time', 'a', 'b'], durability: 'relaxed' })
  const begun = performance.now()
  const notes: string[] = []
  for (let i = 1; performance.now() - begun < 350; i++) {
    void writer.write(frame(i, 1))
    notes.push(`${i} ${performance.now() - begun}`)
    // A frame a millisecond or so: few enough that no buffer limit writes them out.
    for (const until = performance.now() + 1; performance.now() < until;);
  }
  say(notes.join('\n'))
  process.kill(process.pid, 'SIGKILL')
}

switch (what) {
  case 'work':
    await work()
    break
  case 'take':
    say('ready')
    await once(process.stdin, 'data')
    await work(true).catch(sayLost)
    break
  case 'spin':
    await spin()
    break
  case 'hold': {
    const db = await open()
    const writer = await db.openWriter(['time', 'a', 'b'])
    await writer.write(frame(1, 3))
    say('open')
    process.stdin.resume()
    await once(process.stdin, 'end')
    break
  }
  case 'idle': {
    const db = await open()
    const writer = await db.openWriter(['time', 'a', 'b'])
    void writer.write(frame(1, 3))
    say('open')
    break
  }
  default:
    try {
      const db = await open({ readOnly: what === 'read' })
      say(JSON.stringify({ opened: await db.count('a') }))
      await db.close()
    } catch (error) {
      const { name, code, message } = error as Error & { code?: string }
      say(JSON.stringify({ name, code, message }))
    }
}
