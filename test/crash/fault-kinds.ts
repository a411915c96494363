// The ways in which one operation of the file system fails while the process lives on: which operations
// can fail so, and the rules that make the nth of them do it. Short reads and failing closes are not among them:
// the port goes on reading where the system gave fewer bytes, and tells nobody what a close said
// (test/unit/fs/node-file-system), so that no one above meets either.

import type { Fault, FaultRule } from '../../src/fs/faulty-file-system.ts'
import type { OperationKind } from '../../src/fs/operation-kind.ts'

/** How one operation fails. */
export interface FaultKind {
  readonly name: string
  /** The operations that can fail so ... */
  readonly kinds: readonly OperationKind[]
  /** ... on these paths ... */
  readonly path?: RegExp
  /** ... and the rules that make the nth of them fail. */
  readonly rules: (of: Pick<FaultRule, 'kind' | 'path'>, n: number) => readonly FaultRule[]
  /** Whether a failed sync leaves pages that look clean and may be gone. */
  readonly leavesClean?: boolean
  /** Whether every kind of operation in every life is to fail so, even where few states are tried. */
  readonly isForEach?: boolean
}

const CHANGES: readonly OperationKind[] = [
  'create',
  'write',
  'truncate',
  'punch',
  'link',
  'remove',
  'makeDirectory',
  'removeDirectory',
]
const LOOKS: readonly OperationKind[] = ['open', 'read', 'size', 'list', 'stat']
const NEEDS_ROOM: readonly OperationKind[] = ['create', 'write', 'punch', 'link', 'makeDirectory']
/** What takes a descriptor for a while. */
const NEEDS_DESCRIPTOR: readonly OperationKind[] = ['open', 'create', 'list', 'syncDirectory']
const SYNCS: readonly OperationKind[] = ['sync', 'syncDirectory']

function fault(name: string, kinds: readonly OperationKind[], how: Fault, times = 1): FaultKind {
  return { name, kinds, rules: (of, nth) => [{ ...of, nth, times, fault: how }] }
}

export const FAULTS: readonly FaultKind[] = [
  { ...fault('EIO', CHANGES, { code: 'EIO' }), isForEach: true },
  { ...fault('EIO of what changes nothing', LOOKS, { code: 'EIO' }), isForEach: true },
  fault('ENOSPC', NEEDS_ROOM, { code: 'ENOSPC' }),
  fault('EMFILE', NEEDS_DESCRIPTOR, { code: 'EMFILE' }),
  fault('three EMFILE in a row', NEEDS_DESCRIPTOR, { code: 'EMFILE' }, 3),
  fault('a short write', ['write'], { short: 7 }),
  {
    name: 'a short write, then ENOSPC',
    kinds: ['write'],
    rules: (of, nth) => [
      { ...of, nth, fault: { short: 7 } },
      { ...of, nth: nth + 1, fault: { code: 'ENOSPC' } },
    ],
  },
  fault('two EIO in a row', CHANGES, { code: 'EIO' }, 2),
  fault('three EIO in a row', CHANGES, { code: 'EIO' }, 3),
  fault('a failed sync', SYNCS, { failSync: true, cleanPages: false }),
  // Not of the folder above: names that can never be made durable are beyond repair.
  {
    ...fault('a failed sync that leaves clean pages', SYNCS, { failSync: true, cleanPages: true }),
    path: /data\//,
    leavesClean: true,
    isForEach: true,
  },
]
