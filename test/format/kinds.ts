// Which kinds of things a store's logs hold, by the words of RFC 0002: so that a test can tell that the golden
// stores have one of each. Called by golden.test.ts.

import type { StoredFiles } from './golden.ts'
import { Cursor, JOURNAL, MANIFEST, StoredFile, widthOf } from './stored-file.ts'

const EDITS = ['begin', 'create', 'redefine', 'remove', 'flush', 'delete', 'relocate', 'drop', 'punch']
const FRAMES = ['', 'begin', 'pointers', 'end', 'archive', 'holes']

/** Each once. */
export function kindsIn(stored: StoredFiles): string[] {
  const kinds = new Set<string>()
  const files = { list: () => [], read: (path: string) => stored.get(path)! }
  for (const path of stored.keys()) {
    const [folder, name = ''] = path.split('/')
    if (folder === 'journal') kindsInJournal(new StoredFile(files, JOURNAL, name), kinds)
    if (folder !== 'manifest') continue
    for (const { kind } of new StoredFile(files, MANIFEST, name).frames().frames)
      kinds.add(`manifest ${FRAMES[kind]}`)
  }
  return [...kinds]
}

function kindsInJournal(file: StoredFile, kinds: Set<string>): void {
  const { frames, ending } = file.frames()
  if (ending === 'short') kinds.add('short frame')
  if (file.bytes.at(-1) === 0xa5) kinds.add('fill')
  const widths = new Map<number, number[]>()
  for (const { kind, payload } of frames) {
    const from = new Cursor(payload, 16)
    if (kind === 2) kinds.add(`edit ${EDITS[from.u8()]}`)
    else kindsInCommit(from, widths, kinds)
  }
}

function kindsInCommit(from: Cursor, widths: Map<number, number[]>, kinds: Set<string>): void {
  kinds.add('commit')
  from.list(() => {
    const shape = from.u32()
    from.u32()
    if (from.flag())
      widths.set(
        shape,
        from.list(() => (from.u64(), widthOf(from.u8()))),
      )
    from.list(() => {
      const isExtents = from.u8() === 1
      kinds.add(isExtents ? 'run of extents' : 'run of rows')
      from.flag()
      const samples = from.u32()
      from.list(from.u64)
      const own = widths.get(shape)!
      from.take(isExtents ? 16 + 20 * own.length : own.reduce((sum, width) => sum + width * samples, 0))
    })
  })
}
