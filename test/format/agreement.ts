// Whether the engine and the second reader see the same in a store: channels, samples, times and where
// domains begin, as one text that can be kept as JSON. Called wherever tests have made a store and know, or
// can ask the engine, what is in it: the crash tests' judge, the model's runs, open-store, the golden stores.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Frame } from '../../src/telem/frame.ts'
import { OtherBoot, readDatabase } from './second-reader.ts'
import type { StoredDomain } from './second-reader.ts'
import type { Files, Value } from './stored-file.ts'

/** What of a simulated disk is needed. */
interface Disk {
  files(): string[]
  snapshotBytes(path: string): Uint8Array
}

/** What of an open database is needed; a snapshot has it too. */
interface Reader {
  readonly channels: { list(): readonly { readonly key: number; readonly name: string }[] }
  read(channels: string[], range: object, options: { timestamps: true }): Promise<Frame>
}

/** The engine and the second reader do not see the same. */
export class Disagreement extends Error {}

/** The files of a database on a simulated disk. */
export function simulatedFiles(disk: Disk, directory: string): Files {
  const paths = disk.files()
  return {
    list: (folder) => {
      const prefix = `${directory}/${folder === '' ? '' : `${folder}/`}`
      return paths.flatMap((path) => (path.startsWith(prefix) ? [path.slice(prefix.length)] : []))
    },
    read: (path) => disk.snapshotBytes(`${directory}/${path}`),
  }
}

/** The files of a database in a directory of this machine. */
export function filesIn(directory: string): Files {
  return {
    list: (folder) => (existsSync(join(directory, folder)) ? readdirSync(join(directory, folder)) : []),
    read: (path) => readFileSync(join(directory, path)),
  }
}

/** What the engine reads, as JSON with a line for each channel and each domain. */
export async function readByEngine(db: Reader): Promise<string> {
  const channels = db.channels.list()
  if (channels.length === 0) return textOf([])
  const names = channels.map(({ name }) => name)
  const frame = await db.read(names, {}, { timestamps: true })
  return textOf(
    channels.map((definition) => ({
      definition,
      domains: frame.series(definition.name).map((series) => {
        const data = series.data as ArrayLike<Value>
        return { times: Array.from(series.timestamps), values: Array.from(data) }
      }),
    })),
  )
}

/** What the second reader reads, in the same form. @throws FormatFault */
export function readBySecondReader(files: Files): string {
  return textOf(readDatabase(files).channels)
}

/** The same of what a killed process has left; undefined where the machine was restarted since. @throws FormatFault */
export function readAfterKill(files: Files, boot: string): string | undefined {
  try {
    return textOf(readDatabase(files, boot).channels)
  } catch (error) {
    if (error instanceof OtherBoot) return undefined
    throw error
  }
}

/** @throws Disagreement with the first line that differs */
export function assertSame(engine: string, second: string): void {
  if (engine === second) return
  const [a, b] = [engine.split('\n'), second.split('\n')]
  const at = a.findIndex((line, i) => line !== b[i])
  throw new Disagreement(`the engine reads\n  ${a[at]}\nthe second reader reads\n  ${b[at]}`)
}

/**
 * The second reader sees in the files what the engine, to which they belong, shows. All that was committed
 * must have been written, and nothing else goes on.
 * @throws Disagreement, FormatFault
 */
export async function assertAgreement(db: Reader, files: Files): Promise<void> {
  assertSame(await readByEngine(db), readBySecondReader(files))
}

function textOf(
  channels: readonly { readonly definition: object; readonly domains: readonly StoredDomain[] }[],
): string {
  const lines = channels.map(({ definition, domains }) => {
    const fields = Object.entries(definition).toSorted(([a], [b]) => (a < b ? -1 : 1))
    const stretches = domains.map(({ times, values }) =>
      JSON.stringify({ times: textOfTimes(times), values: textOfValues(values, times) }),
    )
    return `{"definition":${JSON.stringify(Object.fromEntries(fields))},"domains":[\n${stretches.join(',\n')}]}`
  })
  return `[${lines.join(',\n')}]\n`
}

/** The first time, then how much later each next one is, with how often in a row: `+1000x3`. */
function textOfTimes(times: readonly bigint[]): string {
  const steps: { step: bigint; count: number }[] = []
  for (let i = 1; i < times.length; i++) {
    const step = times[i]! - times[i - 1]!
    const last = steps.at(-1)
    if (last?.step === step) last.count++
    else steps.push({ step, count: 1 })
  }
  return [times[0], ...steps.map(({ step, count }) => `+${step}x${count}`)].join(' ')
}

/** The values of an index channel are its times. */
function textOfValues(values: readonly Value[], times: readonly bigint[]): string | string[] {
  return values.every((value, i) => value === times[i]) ? 'the times' : values.map(textOfValue)
}

/** Numbers and 64-bit integers alike; JSON has no NaN, and -0 is not 0. */
function textOfValue(value: Value): string {
  return Object.is(value, -0) ? '-0' : String(value)
}
