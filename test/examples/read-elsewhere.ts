// Reads in another process while this one writes. A database opened with `readOnly` takes no lock and never
// disturbs the writer. It shows one instant, whole commits only, however long it stays open: that at which it was
// opened, or last refreshed. `refresh()` shows what came since. The two processes talk only about when to look.
// npx tsx test/examples/read-elsewhere.ts [directory]

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { channel, millis, open, timestamp } from 'rubidium'

const [directory = 'rubidium-demo/shared-log', role = 'writer'] = process.argv.slice(2)
if (role === 'writer') await write()
else await read()

async function write(): Promise<void> {
  await using db = await open(directory, {
    channels: { time: channel.index(), level: channel.float64({ index: 'time', unit: 'm' }) },
  })
  const start = (await db.bounds('time'))?.end ?? timestamp('2025-01-01T12:00:00Z')
  await using writer = await db.openWriter(['time', 'level'])
  const writeThousand = (from: number): Promise<boolean> =>
    writer.write({
      time: BigInt64Array.from({ length: 1000 }, (_, i) => start + millis(from + i)),
      level: Float64Array.from({ length: 1000 }, (_, i) => (from + i) / 100),
    })

  await writeThousand(0)
  const reader = fork(import.meta.filename, [directory, 'reader'])
  await once(reader, 'message')
  await writeThousand(1000)
  reader.send('there is more')
  const [code] = await once(reader, 'exit')
  process.exitCode = Number(code)
}

async function read(): Promise<void> {
  await using db = await open(directory, { readOnly: true })
  await tell('opened', db)
  process.send!('looked')
  await once(process, 'message')
  await tell('the same, later', db)
  await db.refresh()
  await tell('refreshed', db)
  process.disconnect()
}

async function tell(when: string, db: Awaited<ReturnType<typeof open>>): Promise<void> {
  const newest = (await db.latest('level')).column('level').at(-1)
  const { level } = await db.count('level')
  console.log(`${when}: ${level} samples, the newest ${newest} m`)
}
