// A writer whose every sample lies in a segment of its own, for readers beside it: what the tests of read-only
// processes begin with. Called by readers.test.ts of this folder and of review/.

import { Processes } from '../support/processes.ts'
import type { Process } from '../support/processes.ts'
import { createGroup, rows } from './stage.ts'

export const READ_ONLY: { readonly readOnly: true } = { readOnly: true }
/** The channels of the group. */
export const NAMES: string[] = ['time', 'a']

/** A process that writes, with the samples 1 to 20. */
export async function begin(): Promise<{ processes: Processes; writer: Process }> {
  const processes = Processes.ofTest()
  const writer = await processes.open()
  await createGroup(writer.db, 'time', ['a'])
  await add(writer, 1, 20)
  return { processes, writer }
}

/** Writes samples into a segment of their own. */
export async function add(writer: Process, first: number, count: number): Promise<void> {
  await commit(writer, first, count)
  await writer.flusher.flushAll()
  const { segments } = writer.engine
  if (segments.active !== undefined) segments.seal(segments.active)
}

/** Writes samples, which stay in the log for now. */
export async function commit({ db }: Process, first: number, count: number): Promise<void> {
  const writer = await db.openWriter({ channels: NAMES, start: BigInt(first) })
  await writer.write(rows(first, count))
  await writer.close()
}
