// The race matrix as RFC 0003 shows it: for each pair of operations what keeps them apart, one letter a cell. The test
// compares the letters with the guards that the operations take, and the RFC with this. Used by matrix.test.ts.

import type { Taken } from './matrix.ts'
import { OPERATIONS } from './operations.ts'
import type { OperationName } from './operations.ts'

/** What the letters mean, in the order in which they are looked for. */
export const LETTERS: Readonly<Record<string, string>> = {
  l: '`lease`: close waits for what is under way; who comes later is told `ClosedError`',
  c: '`catalog`, exclusive on one side: in turn',
  q: 'one at a time: flushes queue, a second collection joins the first, a second refresh the first or the next',
  i: '`index` of a group in common, exclusive: in turn, each planned on the head that it finds',
  m: '`manifest`, exclusive: in turn',
  g: '`segment`: a collection tries and skips, who appends holds it shared',
  v: 'the reader keeps its version and views; bytes are pinned, removals look at pins',
  s: 'the synchronous step: each is checked, appended and published in one, on the head of that instant',
}

/** By row: what keeps the operation apart from those above it and from another of its kind, in their order. */
export const CELLS: readonly string[] = [
  's',
  'ss',
  'sss',
  'sssq',
  'ssssm',
  'ssssmm',
  'vvvvvvv',
  'vvvvvvvv',
  'vvvvvvvvv',
  'sssissvvvi',
  'sssissvvvii',
  'sssissvvviii',
  'ssgissvvviiiq',
  'ssgissvvviiiqq',
  'ssgissvvviiiqqq',
  'ssscssvvvcccsssc',
  'ssscssvvvcccssscc',
  'ssscssvvvcccsssccc',
  'ssscssvvvcccssscccc',
  'vvvvvvvvvvvvvvvvvvvq',
  'lllllllllllllllllllvl',
]

export const NAMES: readonly OperationName[] = Object.keys(OPERATIONS) as OperationName[]

/** Refusals that are right: who, beside what, and the error. */
export const REFUSALS: readonly (readonly [who: OperationName, beside: OperationName, code: string])[] = [
  ['create', 'create', 'CHANNEL_EXISTS'],
  ['rename', 'rename', 'CHANNEL_NOT_FOUND'],
  ['rename', 'remove', 'CHANNEL_NOT_FOUND'],
  ['update', 'rename', 'CHANNEL_NOT_FOUND'],
  ['update', 'remove', 'CHANNEL_NOT_FOUND'],
  ['remove', 'rename', 'CHANNEL_NOT_FOUND'],
  ['remove', 'remove', 'CHANNEL_NOT_FOUND'],
  ['delete, pointers', 'rename', 'CHANNEL_NOT_FOUND'],
  ['delete, pointers', 'remove', 'CHANNEL_NOT_FOUND'],
  ['delete, tails', 'rename', 'CHANNEL_NOT_FOUND'],
  ['delete, tails', 'remove', 'CHANNEL_NOT_FOUND'],
  ['delete, groups', 'rename', 'CHANNEL_NOT_FOUND'],
  ['delete, groups', 'remove', 'CHANNEL_NOT_FOUND'],
]

const COLLECTIONS: readonly OperationName[] = ['collect, drop', 'collect, rewrite', 'collect, holes']
const QUEUES: readonly (readonly OperationName[])[] = [['flush'], COLLECTIONS, ['refresh']]
const READING: readonly OperationName[] = ['read', 'frames', 'snapshot', 'refresh']

/** The letter that follows from the guards that two operations take. */
export function letterFor(
  [a, ofA]: readonly [OperationName, readonly Taken[]],
  [b, ofB]: readonly [OperationName, readonly Taken[]],
): string {
  const excludes = (rank: string): boolean =>
    ofA.some((one) => one.rank === rank && ofB.some((other) => other.rank === rank && areApart(one, other)))
  // A process of its own: nothing but what is on the disk keeps it apart.
  if (a !== b && (a === 'refresh' || b === 'refresh')) return 'v'
  if (a === 'close' || b === 'close') return 'l'
  if (excludes('catalog')) return 'c'
  if (QUEUES.some((queue) => queue.includes(a) && queue.includes(b))) return 'q'
  if (excludes('index')) return 'i'
  if (excludes('manifest')) return 'm'
  // Which segment is appended to depends on what was sealed before: the rank is what counts.
  const appends = (taken: readonly Taken[]): boolean => taken.some(({ rank }) => rank === 'segment')
  if (appends(ofA) && appends(ofB) && [a, b].some((name) => COLLECTIONS.includes(name))) return 'g'
  return READING.includes(a) || READING.includes(b) ? 'v' : 's'
}

function areApart(a: Taken, b: Taken): boolean {
  if (!a.isExclusive && !b.isExclusive) return false
  return a.keys.length === 0 || a.keys.some((key) => b.keys.includes(key))
}

/** The section of RFC 0003, as it must stand there. */
export function renderMatrix(): string {
  const width = Math.max(...NAMES.map((name) => name.length)) + 3
  const numbers = NAMES.map((_, i) => String(i + 1).padStart(2))
  const rows = NAMES.map((name, i) => {
    const label = `${numbers[i]} ${name}`.padEnd(width + 1)
    return `${label}${CELLS[i]!.replaceAll(/./g, ' $& ')}`.trimEnd()
  })
  const head = `${' '.repeat(width + 1)}${numbers.map((each) => `${each} `).join('')}`.trimEnd()
  return [
    '```',
    head,
    ...rows,
    '```',
    '',
    ...Object.entries(LETTERS).map(([letter, text]) => `- \`${letter}\` ${text}`),
    '',
    `Refused, where the other came first: ${refusals()}.`,
  ].join('\n')
}

function refusals(): string {
  const byCode = new Map<string, string[]>()
  for (const [who, beside, code] of REFUSALS)
    byCode.set(code, [
      ...(byCode.get(code) ?? []),
      `${NAMES.indexOf(who) + 1} after ${NAMES.indexOf(beside) + 1}`,
    ])
  return [...byCode].map(([code, pairs]) => `\`${code}\` ${pairs.join(', ')}`).join('; ')
}
