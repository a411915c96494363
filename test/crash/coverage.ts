// What was a crash point, and what was made to fail: a table of the kinds of operations on the disk and the
// lives of the engine, with how often each was struck. A cell that says why it is empty cannot occur; any
// other empty cell is a gap in the tests. Filled by attack.ts, printed by the soak, asserted by coverage.test.ts.

import type { OperationKind } from '../../src/fs/operation-kind.ts'
import type { Point } from './capture.ts'
import { LIVES } from './lives.ts'
import type { Life } from './lives.ts'

/** Changes and syncs. A death at anything else leaves what a death at the next change leaves. */
export const CHANGING: readonly OperationKind[] = [
  'create',
  'write',
  'truncate',
  'punch',
  'sync',
  'link',
  'remove',
  'makeDirectory',
  'removeDirectory',
  'syncDirectory',
]
const LOOKING: readonly OperationKind[] = ['open', 'read', 'size', 'close', 'list', 'stat']
export const ALL_KINDS: readonly OperationKind[] = [...CHANGING, ...LOOKING]

/** How an operation was struck: as the last of its process, or by failing. */
export type Strike = 'crash' | 'failure'

/** Counts of struck operations. */
export class Coverage {
  readonly #counts = new Map<string, number>()

  add(strike: Strike, { kind, life }: Point, count = 1): void {
    const key = `${strike} ${kind} ${life}`
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + count)
  }

  count(strike: Strike, kind: OperationKind, life: Life): number {
    return this.#counts.get(`${strike} ${kind} ${life}`) ?? 0
  }

  /** Cells that are empty and can occur, and cells that are said not to and did. */
  gaps(cannotOccur: (kind: OperationKind, life: Life) => string | undefined): string[] {
    const found: string[] = []
    for (const strike of ['crash', 'failure'] as const) {
      for (const life of LIVES) {
        for (const kind of strike === 'crash' ? CHANGING : ALL_KINDS) {
          const reason = cannotOccur(kind, life)
          // A close tells of no failure; an operation of the background is met as it comes.
          if ((strike === 'failure' && kind === 'close') || life === 'background') continue
          const isEmpty = this.count(strike, kind, life) === 0
          // A cut follows a failure, and has a crash point in the workloads that bring that about themselves.
          if (strike === 'failure' && kind === 'truncate') continue
          if (isEmpty && reason === undefined) found.push(`${life}: ${kind} was never struck (${strike})`)
          if (!isEmpty && reason !== undefined) found.push(`${life}: ${kind} occurs, though ${reason}`)
        }
      }
    }
    return found
  }

  /** The table as text: crashes, and failures, of each kind in each life. */
  toString(): string {
    const rows = [['', ...ALL_KINDS.map(String)]]
    for (const life of LIVES) {
      const cells = ALL_KINDS.map((kind) => {
        const [crashes, failures] = [this.count('crash', kind, life), this.count('failure', kind, life)]
        return crashes + failures === 0 ? '-' : `${crashes}/${failures}`
      })
      rows.push([life, ...cells])
    }
    const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)))
    return rows.map((row) => row.map((cell, i) => cell.padStart(widths[i]!)).join('  ')).join('\n')
  }
}

/** What each life does. */
const OCCURS: Readonly<Record<Life, readonly OperationKind[]>> = {
  // A removal: of journal files that the retirement which it sets off has retired.
  commit: ['create', 'write', 'truncate', 'sync', 'remove', 'syncDirectory', 'read', 'close'],
  spill: ['create', 'write'],
  flush: ['create', 'write', 'truncate', 'sync', 'syncDirectory', 'read', 'close'],
  sync: ['create', 'write', 'truncate', 'sync', 'syncDirectory', 'read', 'close'],
  read: ['open', 'read'],
  delete: ['create', 'write', 'truncate', 'sync', 'syncDirectory', 'open', 'read', 'close'],
  // A size: of the segment that a copy is read from, before memory is taken for it. A list: of registrations.
  collection: [
    'list',
    'create',
    'write',
    'truncate',
    'punch',
    'sync',
    'remove',
    'syncDirectory',
    'open',
    'read',
    'size',
    'close',
  ],
  'channel edit': ['create', 'write', 'truncate', 'sync', 'syncDirectory', 'read', 'close'],
  retire: ['create', 'write', 'truncate', 'sync', 'remove', 'syncDirectory', 'read', 'close'],
  checkpoint: ['create', 'write', 'sync', 'remove', 'syncDirectory', 'read', 'close'],
  close: ['create', 'write', 'truncate', 'sync', 'link', 'remove', 'syncDirectory', 'read', 'close'],
  open: ALL_KINDS,
  recovery: ALL_KINDS,
  'take-over': ALL_KINDS,
  // What it writes is its registration.
  'read-only open': [...LOOKING, 'create', 'write', 'sync', 'link', 'remove'],
  background: ALL_KINDS,
}

const REASONS: Partial<Record<OperationKind, string>> = {
  link: 'only a lease, a fence, a registration and the mark of a clean close are linked',
  remove: 'it removes nothing',
  truncate: 'what fails in it is left as dead bytes, or removed whole',
  makeDirectory: 'folders are made by opening',
  punch: 'only a collection punches holes',
  open: 'it reads no samples',
  size: 'sizes are asked for by opening, and before a copy',
  list: 'names are looked for by opening',
  stat: 'names are looked for by opening',
}

/** Why an operation never occurs in a life; undefined where it can. */
export function cannotOccur(kind: OperationKind, life: Life): string | undefined {
  if (kind === 'removeDirectory') return 'no folder is ever removed'
  if (kind === 'punch' && life !== 'collection') return REASONS[kind]
  if (OCCURS[life].includes(kind)) return undefined
  if (life === 'read' && kind === 'close') return 'files are closed where more than 128 are open'
  if (CHANGING.includes(kind) && (life === 'read' || life === 'read-only open'))
    return 'it changes nothing there'
  return REASONS[kind] ?? 'it appends to a segment, and does nothing else'
}
