// The command line as tests call it: in this process with a terminal that remembers, or as a process of its
// own; and recordings in temporary directories for it to look at. Called by the tests of cli/.

import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { main } from '../../src/cli/main.ts'
import { channel, open, seconds, timestamp } from '../../src/index.ts'
import { fakeTerminal } from './fake-terminal.ts'
import type { FakeTerminal, FakeTerminalOptions } from './fake-terminal.ts'
import { temporaryDirectory } from './temporary-directory.ts'

/** How a command went, and what it left on its terminal. */
export interface Run {
  readonly code: number
  /** Standard output. */
  readonly output: string
  /** Standard error, lines joined. */
  readonly notes: string
  readonly terminal: FakeTerminal
}

/** Runs `rubidium` with words in this process. */
export async function run(words: readonly string[], options: FakeTerminalOptions = {}): Promise<Run> {
  const terminal = fakeTerminal(options)
  const code = await main(words, terminal)
  return { code, output: terminal.output, notes: terminal.notes.join('\n'), terminal }
}

/** How a process went. */
export interface ProcessRun {
  readonly code: number | null
  readonly output: string
  readonly notes: string
}

/** What a process is given. */
export interface ProcessOptions {
  readonly env?: NodeJS.ProcessEnv
  /** Called with each piece of output, and the process. */
  readonly onOutput?: (text: string, child: ReturnType<typeof spawn>) => void
}

/** Runs `rubidium` with words as a process whose output goes into pipes. */
export function runProcess(words: readonly string[], options: ProcessOptions = {}): Promise<ProcessRun> {
  const source = new URL('../../src/cli/rubidium.ts', import.meta.url).pathname
  const child = spawn(process.execPath, ['--import', 'tsx', source, ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
  })
  let output = ''
  let notes = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
    options.onOutput?.(text, child)
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    notes += text
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, output, notes }))
  })
}

/** When the recording begins. */
export const START: bigint = timestamp('2025-01-01T12:00:00Z')

/**
 * Makes a recording and closes it. Group `time`, every 10 ms, 30 s more after the 50th of 100 samples: `alt` (float64,
 * m, the number of the sample, the fourth NaN, none from the 20th to the 29th), `ok` (boolean, every second true), `n`
 * (int64 beyond 2^53), `a,"b"` (int16). Group `gps`, every second, 1 ns late: `lat` (float32), `stamp` (timestamp).
 * @returns its directory
 */
export async function makeRecording(): Promise<string> {
  const directory = join(temporaryDirectory(), 'flight')
  const db = await open(directory, {
    gc: false,
    channels: {
      time: channel.index({ metadata: { source: 'test' } }),
      alt: channel.float64({ index: 'time', unit: 'm', metadata: { sensor: 7 } }),
      ok: channel.boolean({ index: 'time' }),
      n: channel.int64({ index: 'time' }),
      'a,"b"': channel.int16({ index: 'time' }),
      gps: channel.index(),
      lat: channel.float32({ index: 'gps' }),
      stamp: channel.timestamp({ index: 'gps' }),
    },
  })
  const writer = await db.openWriter(['time', 'alt', 'ok', 'n', 'a,"b"'])
  const rows = Array.from({ length: 100 }, (_, i) => i)
  await writer.write({
    time: rows.map((i) => START + BigInt(i) * 10_000_000n + (i < 50 ? 0n : seconds(30))),
    alt: rows.map((i) => (i === 3 ? Number.NaN : i)),
    ok: rows.map((i) => i % 2 === 0),
    n: rows.map((i) => 2n ** 53n + 1n + BigInt(i)),
    'a,"b"': rows.map((i) => -i),
  })
  await writer.close()
  const gps = await db.openWriter(['gps', 'lat', 'stamp'])
  const fixes = [0, 1, 2]
  await gps.write({
    gps: fixes.map((i) => START + seconds(i) + 1n),
    lat: fixes.map((i) => 52.5 + i),
    stamp: fixes.map(() => START),
  })
  await gps.close()
  await db.delete('alt', { start: START + 200_000_000n, end: START + 300_000_000n })
  await db.close()
  return directory
}
