// What a process on a simulated disk and the thread that owns the disk say to each other: file operations, of
// which the owner may leave one unanswered for as long as it likes (the process then stands still, whole, as
// under SIGSTOP), the work to do, and what came of it. Spoken by child-frozen.ts and frozen-process.ts.

import type { MessagePort } from 'node:worker_threads'
import type { FileStat, OpenMode } from '../../src/fs/file-system.ts'
import type { Tuning } from '../../src/database/environment.ts'
import type { Durability } from '../../src/database/options.ts'

/** Limits so small that a few writes meet every roll, flush, retirement and checkpoint. */
export const TUNING: Partial<Tuning> = {
  journalFileSize: 600,
  journalLimit: 1 << 20,
  inlineLimit: 512,
  extentLimit: 1024,
  manifestSlack: 256,
  holeSize: 512,
  reserveSize: 4096,
}

/** What a process is started with. */
export interface WorkerSetup {
  /** One number: 0 while an operation waits for its answer. */
  readonly answered: Int32Array
  /** The machine's monotonic clock, in milliseconds. */
  readonly clock: Float64Array
  /** The operating system's lock: the id of the process that has it, or 0. */
  readonly lock: Int32Array
  readonly port: MessagePort
}

/** A file operation; `file` is a number that an `open` was answered with. */
export type Request =
  | { readonly op: 'open'; readonly path: string; readonly mode: OpenMode }
  | { readonly op: 'read'; readonly file: number; readonly length: number; readonly offset: number }
  | { readonly op: 'write'; readonly file: number; readonly bytes: Uint8Array; readonly offset: number }
  | { readonly op: 'truncate'; readonly file: number; readonly size: number }
  | { readonly op: 'punch'; readonly file: number; readonly offset: number; readonly length: number }
  | { readonly op: 'size' | 'sync' | 'close'; readonly file: number }
  | {
      readonly op:
        | 'list'
        | 'stat'
        | 'realPath'
        | 'makeDirectory'
        | 'remove'
        | 'removeDirectory'
        | 'syncDirectory'
      readonly path: string
    }
  | { readonly op: 'link'; readonly existing: string; readonly path: string }
  /** No operation: whether another has the lease, and what the last look covered is over; as 1 or 0. */
  | { readonly op: 'isOvertaken' }

/** What came of an operation: a value, or the code of the system's error. */
export interface Answer {
  readonly id: number
  readonly outcome:
    | { readonly value: number | string | Uint8Array | string[] | FileStat | undefined }
    | { readonly code: string; readonly message: string }
}

/** What a process is told to do: everything up to `ready` is preparation, and never stopped. */
export interface Job {
  readonly work: string
  readonly durability: Durability
  readonly withLock: boolean
}

/** Something that a process did, or tried to. */
export type Effect =
  | { readonly kind: 'write'; readonly first: number; readonly count: number; readonly durable: boolean }
  | { readonly kind: 'delete'; readonly start: number; readonly end: number }
  | { readonly kind: 'create' | 'remove'; readonly name: string }
  /** Changes nothing that is read; proves what came before. */
  | { readonly kind: 'sync' }
  /** Changes nothing that is read, and promises nothing. */
  | { readonly kind: 'upkeep' }

/** What came of a job. */
export interface JobReport {
  /** What was acknowledged, in order, the preparation included. */
  readonly done: readonly Effect[]
  /** What was refused, and the code of its error. */
  readonly tried: Effect | undefined
  readonly code: string | undefined
  /** Of one that was overtaken: codes of the errors of the calls that followed, by call; 'ok' for one that resolved. */
  readonly after: Readonly<Record<string, string>>
}

/** From the process to the owner of the disk, beside operations. */
export type Message =
  | { readonly id: number; readonly request: Request }
  | { readonly ready: true }
  | { readonly report: JobReport }
  | { readonly failure: string }

/** What is there after some effects: times of the samples, and names of channels. */
export function stateAfter(effects: readonly Effect[]): { times: number[]; names: string[] } {
  let times: number[] = []
  const names = new Set<string>()
  for (const effect of effects) {
    if (effect.kind === 'write')
      times.push(...Array.from({ length: effect.count }, (_, i) => effect.first + i))
    if (effect.kind === 'delete') times = times.filter((time) => time < effect.start || time >= effect.end)
    if (effect.kind === 'create') names.add(effect.name)
    if (effect.kind === 'remove') names.delete(effect.name)
  }
  return { times: times.sort((a, b) => a - b), names: [...names].sort() }
}

/** How many of the effects must be there: all up to the last that was durable. */
export function durableCount({ done }: JobReport): number {
  return (
    1 +
    done.findLastIndex((effect) => effect.kind !== 'upkeep' && (effect.kind !== 'write' || effect.durable))
  )
}
