// A process of bench/readers.ts that has a database open read-only, many times over: told the folder and how often by
// its arguments, it says so when all are open. "refresh" lets each of them move forward once a second, spread over it;
// "compute" lets the process use all the time that it gets, for nothing; "idle" lets it rest; "close" closes all. It
// answers each line when it is so, with the refreshes made since the last, and the ms of processor time.

import { createInterface } from 'node:readline'
import { open } from '../src/index.ts'
import type { Database } from '../src/index.ts'

const [directory, countText] = process.argv.slice(2) as [string, string]
const count = Number(countText)

const readers: Database[] = []
for (let i = 0; i < count; i++) readers.push(await open(directory, { readOnly: true, cacheBudget: 1 << 20 }))

let isOn = false
let refreshes = 0

async function keepRefreshing(db: Database, i: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, (1000 * i) / count))
  while (isOn) {
    const startMs = performance.now()
    await db.refresh()
    refreshes++
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, 1000 - (performance.now() - startMs))))
  }
}

async function keepComputing(): Promise<void> {
  while (isOn) {
    for (const endMs = performance.now() + 5; performance.now() < endMs;);
    await new Promise((resolve) => setImmediate(resolve))
  }
}

console.log('open')
let cpu = process.cpuUsage()
let running: Promise<unknown> = Promise.resolve()
for await (const line of createInterface({ input: process.stdin })) {
  isOn = false
  await running
  if (line === 'close') break
  const { user, system } = process.cpuUsage(cpu)
  console.log(refreshes, (user + system) / 1000)
  refreshes = 0
  cpu = process.cpuUsage()
  isOn = line !== 'idle'
  if (line === 'refresh') running = Promise.all(readers.map(keepRefreshing))
  if (line === 'compute') running = keepComputing()
}
for (const db of readers) await db.close()
// Whoever started it holds the other end.
process.stdin.destroy()
