// The rules that keep a database whole, each with what switches it off and the attack that must then find
// something wrong. A rule that no test holds shows as a mutation that nothing catches. `npx vitest run
// test/proof -t S2` runs those of one rule. Used by proof.test.ts.
//
// Not among them is that a flush syncs its extents before its edit (S1): no promise rests on it. Where the edit is
// on the disk and its extents are not, recovery cuts it off, and the commits that it flushed are still there; what
// it bounds is how much of what nobody was promised a power loss takes.

import type { Ending } from '../rot/stores.ts'
import type { Weakening } from './test-build.ts'

export type Scene =
  | 'a snapshot is read through a collection'
  | 'a snapshot is read through a collection by holes'
  | 'files retire while a checkpoint is written'
  | 'two processes open at once'

/** What is done to a test build. `in` names a workload; `from` is the operation that it begins with. */
export type Attack =
  /** A crash at every operation, for each seed of what a power loss takes (default: everything). */
  | {
      readonly kind: 'kill' | 'power'
      readonly in: string
      readonly seeds?: readonly number[]
      readonly from?: number
    }
  /** A kill at every operation, then a power loss at every operation of the opening that follows. */
  | { readonly kind: 'recovery'; readonly in: string; readonly from?: number }
  /** Every operation that can fail so does. */
  | { readonly kind: 'failure'; readonly in: string; readonly by: string; readonly from?: number }
  /** Bits of a store's files are flipped. */
  | { readonly kind: 'rot'; readonly store: string; readonly ending: Ending; readonly files: RegExp }
  /** Another holder takes over at every operation. */
  | { readonly kind: 'overtaken'; readonly in: string; readonly from?: number }
  | { readonly kind: 'scene'; readonly of: Scene }

export interface Mutation extends Weakening {
  /** Of architecture.md, section 3; or the invariant. */
  readonly rule: string
  /** What the test build does. */
  readonly what: string
  /** The attack that must find something wrong with it, and nothing with the engine as it is. */
  readonly caughtBy: Attack
  /** How it fails: with what the rule prevents, and not because nothing works any more. */
  readonly shows: RegExp
}

/** Seeds of power losses that keep some of what is unsynced. */
const SOME = [4, 10, 16, 20, 28]

const LOST = /lost what was acknowledged|no prefix of the history|it is not the same/
const BROKEN =
  /Corruption|verify: |verify before it is opened: |lost what was acknowledged|no prefix of the history|it is not the same/

export const MUTATIONS: readonly Mutation[] = [
  // S1: syncing.
  {
    rule: 'S1',
    what: 'segments are not synced',
    port: { syncs: /\/segments\// },
    caughtBy: { kind: 'power', in: 'large frames between small ones', seeds: [0, 4] },
    shows: BROKEN,
  },
  {
    rule: 'S1',
    what: 'the journal is not synced',
    port: { syncs: /\/journal\// },
    caughtBy: { kind: 'power', in: 'commit, strict' },
    shows: BROKEN,
  },
  {
    rule: 'S1',
    what: 'names of new segments are not synced',
    port: { directorySyncs: /\/segments$/ },
    caughtBy: { kind: 'power', in: 'large frames between small ones', seeds: [0, 4] },
    shows: BROKEN,
  },
  {
    rule: 'S1',
    what: 'names of new journal files are not synced',
    port: { directorySyncs: /\/journal$/ },
    caughtBy: { kind: 'power', in: 'journal roll', seeds: [0, 4] },
    shows: BROKEN,
  },
  {
    rule: 'S1',
    what: 'a sync proves what was appended while it went on',
    changes: [
      {
        file: 'database/syncer.ts',
        from: `
    this.#proven = Math.max(this.#proven, lsn)
    this.#provenBytes = Math.max(`,
        to: `
    this.#proven = Math.max(this.#journal?.lastLsn ?? 0, lsn)
    this.#provenBytes = Math.max(`,
      },
    ],
    caughtBy: { kind: 'power', in: 'large frames while a sync goes on', seeds: [4], from: 7 },
    shows: BROKEN,
  },
  {
    rule: 'S1',
    what: 'of the journal only the newest file is synced',
    changes: [
      {
        file: 'database/syncer.ts',
        from: '(journal?.files ?? []).filter((file) => file.dirty)',
        to: '(journal?.files ?? []).filter((file) => file.dirty).slice(-1)',
      },
    ],
    caughtBy: { kind: 'power', in: 'journal roll', seeds: [0, 4] },
    shows: BROKEN,
  },
  {
    rule: 'S1',
    what: "names in the database's folder, and its own, are not synced",
    port: { directorySyncs: /^\/srv(\/data)?$|^\/$/ },
    caughtBy: { kind: 'power', in: 'open of a new database' },
    shows: BROKEN,
  },
  {
    rule: 'S1',
    what: 'two syncs go on at once, and the second is believed though the first has failed',
    changes: [
      {
        file: 'database/syncer.ts',
        from: 'resolve, reject })\n      if (!this.#running) void this.#run()\n    })\n  }\n\n  /**\n   * Resolves when what was',
        to: 'resolve, reject })\n      void this.#run()\n    })\n  }\n\n  /**\n   * Resolves when what was',
      },
      { file: 'database/syncer.ts', from: 'if (this.#failure !== undefined) throw this.#failure', to: '' },
    ],
    caughtBy: { kind: 'failure', in: 'two syncs at once', by: 'a failed sync that leaves clean pages' },
    shows: BROKEN,
  },
  // S2: destroying.
  {
    rule: 'S2',
    what: 'a segment is removed before the record that frees it is synced',
    changes: [{ file: 'database/collection/destroying.ts', from: 'await engine.syncer.reach(lsn)', to: '' }],
    caughtBy: { kind: 'power', in: 'a delete and a drop of what was proven', seeds: SOME, from: 4 },
    shows: BROKEN,
  },
  {
    rule: 'S2',
    what: 'a hole is punched before the record that frees its bytes is synced',
    changes: [
      {
        file: 'database/collection/punch.ts',
        from: 'await oldestPinAfter(engine, newest)',
        to: 'await engine.oldestPin()',
      },
    ],
    caughtBy: { kind: 'power', in: 'a delete and holes in what was proven' },
    shows: BROKEN,
  },
  {
    rule: 'S2',
    what: 'a hole is punched without a look at pins',
    changes: [
      {
        file: 'database/collection/punch.ts',
        from: 'await oldestPinAfter(engine, newest)',
        to: '(await oldestPinAfter(engine, newest), Infinity)',
      },
    ],
    caughtBy: { kind: 'scene', of: 'a snapshot is read through a collection by holes' },
    shows: /Corruption|something else/,
  },
  {
    rule: 'S2',
    what: 'a record says what was punched before that is on the disk',
    changes: [
      {
        file: 'database/collection/punch.ts',
        from: 'if (made.length > 0) await syncHoles(engine, file)',
        to: '',
      },
    ],
    caughtBy: { kind: 'power', in: 'a delete and holes in what was proven', seeds: SOME },
    shows: /was punched, the log says, and is no hole/,
  },
  {
    rule: 'S2',
    what: 'pins are not looked at',
    changes: [{ file: 'database/pins.ts', from: 'return oldest', to: 'return Infinity' }],
    caughtBy: { kind: 'scene', of: 'a snapshot is read through a collection' },
    shows: /the segment is missing|something else/,
  },
  {
    rule: 'S2',
    what: 'a journal file goes before the manifest that has its edits is synced',
    port: { syncs: /\/manifest\// },
    caughtBy: { kind: 'power', in: 'retire', seeds: [4, 6] },
    shows: BROKEN,
  },
  {
    rule: 'S2',
    what: 'a journal file goes before its commits are flushed',
    changes: [
      {
        file: 'database/retire.ts',
        from: 'return groupsKeeping(engine, file).length === 0',
        to: 'return true',
      },
    ],
    caughtBy: { kind: 'kill', in: 'a retirement before a flush' },
    shows: BROKEN,
  },
  {
    rule: 'S2',
    what: 'the manifest takes what the journal has not proven',
    changes: [
      {
        file: 'database/retire.ts',
        from: `await engine.syncer.reach(Math.max(file.lastLsn, engine.version.lsn))
  if (`,
        to: 'if (',
      },
      { file: 'database/retire.ts', from: 'await engine.syncer.reach(engine.lastLsn)', to: '' },
    ],
    caughtBy: { kind: 'power', in: 'retire', seeds: [4], from: 52 },
    shows: BROKEN,
  },
  {
    rule: 'S2',
    what: 'a checkpoint is of what the journal has not proven',
    changes: [{ file: 'database/retire.ts', from: 'await engine.syncer.reach(version.lsn)', to: '' }],
    caughtBy: { kind: 'power', in: 'checkpoint', seeds: [4], from: 16 },
    shows: BROKEN,
  },
  {
    rule: 'S2',
    what: 'a batch of archived edits covers no more than its last edit',
    changes: [
      {
        file: 'manifest/manifest.ts',
        from: 'frame.u64(covers)',
        to: 'frame.u64(edits.at(-1)?.lsn ?? this.#covers)',
      },
    ],
    caughtBy: { kind: 'kill', in: 'retire', from: 24 },
    shows: BROKEN,
  },
  {
    rule: 'S2',
    what: 'files are retired while a checkpoint is written',
    changes: [
      {
        file: 'database/retire.ts',
        from: "mode: 'exclusive', purpose",
        to: "mode: 'shared' as 'exclusive', purpose",
      },
    ],
    caughtBy: { kind: 'scene', of: 'files retire while a checkpoint is written' },
    shows: BROKEN,
  },
  // S3: believing.
  {
    rule: 'S3',
    what: 'the mark is not believed: what is missing below it is cut off',
    changes: [
      {
        file: 'database/opening/load.ts',
        from: '...found.journals.map((journal) => journal.proven),',
        to: '',
      },
    ],
    caughtBy: { kind: 'rot', store: 'archived', ending: 'restarted', files: /journal/ },
    shows: /wrong data/,
  },
  {
    rule: 'S3',
    what: 'marks behind damage are not found',
    changes: [{ file: 'journal/replay.ts', from: 'proven: Math.max(proven, behind ?? 0)', to: 'proven' }],
    caughtBy: { kind: 'rot', store: 'tiny', ending: 'restarted', files: /journal/ },
    shows: /wrong data/,
  },
  {
    rule: 'S3',
    what: 'damage after a mere kill is cut off like a torn end',
    changes: [
      {
        file: 'database/opening/believe.ts',
        from: 'if (last !== undefined && isSameBoot) refuseUnlessIncomplete(last, beyond, end)',
        to: '',
      },
    ],
    caughtBy: { kind: 'rot', store: 'archived', ending: 'killed', files: /journal/ },
    shows: /wrong data/,
  },
  {
    rule: 'S3',
    what: 'a torn end after a power loss is damage',
    changes: [
      {
        file: 'database/opening/load.ts',
        from: "const isSameBoot = options.bootId !== '' && found.bootId === options.bootId",
        to: 'const isSameBoot = true',
      },
    ],
    caughtBy: { kind: 'power', in: 'commit, batched', seeds: [5, 7, 9] },
    shows: BROKEN,
  },
  {
    rule: 'S3',
    what: 'beyond the mark, bytes that records name are not looked at',
    changes: [
      {
        file: 'database/opening/load.ts',
        from: 'if (!isSameBoot && clean === undefined) {',
        to: 'if (false) {',
      },
    ],
    caughtBy: { kind: 'power', in: 'large frames between small ones', seeds: [4] },
    shows: BROKEN,
  },
  {
    rule: 'S3',
    what: 'bytes are judged at every record, not at the end of the prefix',
    changes: [
      {
        file: 'database/opening/load.ts',
        from: 'const lost = await firstLost(turns, state, unproven, (extent, owner) =>\n        options.isSound(extent, owner, databaseId),\n      )',
        to: `let lost: number | undefined
      for (const { lsn } of records) {
        const before = await replayRecords(turns, found, records.filter((record) => record.lsn <= lsn))
        lost ??= await firstLost(turns, before, unproven, (extent, owner) => options.isSound(extent, owner, databaseId))
      }`,
      },
    ],
    caughtBy: { kind: 'power', in: 'a flush, a delete and a drop in one sync', seeds: SOME, from: 14 },
    shows: LOST,
  },
  {
    rule: 'S3',
    what: 'extents that only records beyond the mark name are not copied',
    changes: [
      {
        file: 'database/opening/begin-epoch.ts',
        from: 'relocateUnproven(engine, state.unproven)',
        to: 'relocateUnproven(engine, new Set())',
      },
    ],
    caughtBy: { kind: 'kill', in: 'large frames between small ones' },
    shows: BROKEN,
  },
  {
    rule: 'S3',
    what: 'copies are not synced before the checkpoint that names them',
    changes: [
      { file: 'database/opening/begin-epoch.ts', from: 'await engine.syncer.syncSegments()', to: '' },
    ],
    caughtBy: { kind: 'recovery', in: 'large frames between small ones', from: 4 },
    shows: BROKEN,
  },
  {
    rule: 'S3',
    what: 'what an edit below the checkpoint did to tails is not applied again',
    changes: [
      {
        file: 'database/opening/replay-records.ts',
        from: "if (edit.kind === 'delete') yield* this",
        to: "if (edit.kind === 'delete' && lsn > this.#version.lsn) yield* this",
      },
    ],
    caughtBy: { kind: 'kill', in: 'a tail cut below a checkpoint' },
    shows: BROKEN,
  },
  {
    rule: 'S3',
    what: "a delete's part in tails is not replayed",
    changes: [
      {
        file: 'database/opening/replay-records.ts',
        from: "if (edit.kind === 'delete') yield* this",
        to: "if (edit.kind === 'delete' && lsn < 0) yield* this",
      },
    ],
    caughtBy: { kind: 'kill', in: 'delete in pointers, in tails and in both, batched' },
    shows: LOST,
  },
  {
    rule: 'S3',
    what: 'a torn archive is damage, though the journal holds all of it',
    changes: [
      {
        file: 'database/opening/believe.ts',
        from: 'base.contents.isTorn && base.epoch === found.epoch && !goesOn',
        to: 'base.contents.isTorn',
      },
    ],
    caughtBy: { kind: 'power', in: 'retire', seeds: [6], from: 22 },
    shows: /the end of the manifest is damaged/,
  },
  // S4: failing.
  {
    rule: 'S4',
    what: 'a failed append is not cut off',
    port: { truncates: /\/journal\// },
    caughtBy: {
      kind: 'failure',
      in: 'a long record between short ones',
      by: 'half of a long write, then EIO',
    },
    shows: /does not match its checksum/,
  },
  {
    rule: 'S4',
    what: 'a failed sync is forgotten: later ones are believed, and writes go on',
    changes: [
      {
        file: 'database/syncer.ts',
        from: 'this.#failure = new StorageError(',
        to: 'return new StorageError(',
      },
    ],
    caughtBy: {
      kind: 'failure',
      in: 'commit, mixed durabilities',
      by: 'a failed sync that leaves clean pages',
    },
    shows: /refused, and changed what is there|lost what was acknowledged/,
  },
  {
    rule: 'S4',
    what: 'recovery does not know that a sync has failed',
    changes: [
      {
        file: 'database/opening/unsynced-mark.ts',
        from: 'return (await files.stat(path)) !== undefined',
        to: 'return (await files.stat(path)) === null',
      },
    ],
    caughtBy: { kind: 'failure', in: 'flush', by: 'a failed sync that leaves clean pages' },
    shows: BROKEN,
  },
  {
    rule: 'S4',
    what: 'fill at the end of a journal file is read',
    changes: [
      {
        file: 'journal/fill.ts',
        from: 'return length === file.length ? file : file.subarray(0, length)',
        to: 'return file',
      },
    ],
    caughtBy: { kind: 'kill', in: 'strict commits over fill' },
    shows: /does not match its checksum/,
  },
  {
    rule: 'S4',
    what: 'a frame may end like fill',
    changes: [
      { file: 'journal/frame.ts', from: '(FRAME_HEADER + length + 8)', to: '(FRAME_HEADER + length + 7)' },
      { file: 'manifest/manifest.ts', from: 'to.u8(0)\n  to.align(8)', to: 'to.align(8)' },
      {
        file: 'journal/journal.ts',
        from: 'left = frameSize(payload) - FRAME_HEADER - payload;',
        to: 'left = -payload & 7;',
      },
    ],
    caughtBy: { kind: 'kill', in: 'records that end like fill' },
    shows: LOST,
  },
  // S5: naming.
  {
    rule: 'S5',
    what: 'names of segments are used twice',
    changes: [
      {
        file: 'segment/segment-pool.ts',
        from: 'segmentIdOf(epoch, this.#nextNumber)',
        to: 'segmentIdOf(epoch, 1)',
      },
    ],
    port: { exclusive: /\/segments\// },
    caughtBy: { kind: 'kill', in: 'large frames between small ones' },
    shows: /Corruption/,
  },
  {
    rule: 'S5',
    what: "a checkpoint's name is used twice",
    changes: [
      {
        file: 'database/retire.ts',
        from: 'if (engine.version.lsn <= engine.checkpointTried)',
        to: 'if (engine.version.lsn < 0)',
      },
    ],
    port: { exclusive: /\/manifest\// },
    caughtBy: { kind: 'power', in: 'a close that writes two checkpoints', from: 20 },
    shows: BROKEN,
  },
  {
    rule: 'S5',
    what: 'the clean mark of an earlier epoch is believed',
    changes: [
      {
        file: 'database/opening/clean-mark.ts',
        from: '): Promise<CleanMark | undefined> {\n',
        to: `): Promise<CleanMark | undefined> {
  while (epoch > 1 && (await files.stat(join(directory, cleanName(epoch)))) === undefined) epoch--
`,
      },
    ],
    caughtBy: { kind: 'power', in: 'close, and open again', seeds: [4], from: 21 },
    shows: BROKEN,
  },
  // S6: fencing.
  {
    rule: 'S6',
    // Where one of two is later, the fence alone refuses it: only by chance, since it is looked at and then written.
    what: 'a lease is linked over one that is there',
    changes: [
      {
        file: 'lease/fence.ts',
        from: 'if (shown > epoch || (shown === epoch && !this.#isNew))',
        to: 'if (shown > epoch)',
      },
    ],
    port: { links: /\/LEASE-/ },
    caughtBy: { kind: 'scene', of: 'two processes open at once' },
    shows: /the other was told: StorageError/,
  },
  {
    rule: 'S6',
    what: 'the fence is not looked at before what an opening finds needless is removed',
    changes: [
      {
        file: 'database/opening/open.ts',
        from: 'engine.lookNow()\n    try {\n      await removeIfThere(files, join(directory, name))',
        to: 'try {\n      await removeIfThere(files, join(directory, name))',
      },
    ],
    caughtBy: { kind: 'overtaken', in: 'open after a kill: a bit of everything', from: 20 },
    shows: /it has removed /,
  },
  {
    rule: 'S6',
    what: 'the fence is not looked at before edits are archived',
    changes: [
      {
        file: 'database/retire.ts',
        from: 'engine.lookNow()\n  await manifest.archive(',
        to: 'await manifest.archive(',
      },
    ],
    caughtBy: { kind: 'overtaken', in: 'retire', from: 16 },
    shows: /it has written to .*manifest/,
  },
  {
    rule: 'S6',
    what: 'the fence is not looked at after a write',
    changes: [
      {
        file: 'database/engine.ts',
        from: "if (durability === 'strict') await this.syncer.reach(lsn)\n    this.look()",
        to: "if (durability === 'strict') await this.syncer.reach(lsn)",
      },
      {
        file: 'database/writer.ts',
        from: "if (lsn !== undefined && durability === 'batched') this.#engine.look()",
        to: '',
      },
    ],
    caughtBy: { kind: 'overtaken', in: 'commit, mixed durabilities' },
    shows: /was acknowledged/,
  },
  {
    rule: 'S6',
    what: 'the fence is not looked at before a segment is removed',
    changes: [{ file: 'database/collection/drop.ts', from: 'engine.lookNow()', to: '' }],
    caughtBy: { kind: 'overtaken', in: 'collect by dropping' },
    shows: /it has removed .*segments/,
  },
  {
    rule: 'S6',
    what: 'the fence is not looked at before a retired file is removed',
    changes: [
      {
        file: 'database/retire.ts',
        from: 'engine.lookNow()\n  journal.forgetOldest(file)',
        to: 'journal.forgetOldest(file)',
      },
    ],
    caughtBy: { kind: 'overtaken', in: 'retire' },
    shows: /it has removed .*journal/,
  },
  {
    rule: 'S6',
    what: "files of earlier epochs go before the new one's first record is synced",
    changes: [{ file: 'database/opening/begin-epoch.ts', from: 'await engine.syncer.reach(lsn)\n', to: '' }],
    caughtBy: { kind: 'power', in: 'close, and open again', seeds: [4], from: 38 },
    shows: BROKEN,
  },
  // What is written is written before it is named, and verified when it is read.
  {
    rule: 'invariant 6',
    what: 'a record is appended before the extents that it names are written',
    changes: [
      {
        file: 'database/extents.ts',
        from: 'if (begin !== undefined && gathered > 0) segments.writeNow(begin, scratch.subarray(0, gathered))',
        to: `if (begin !== undefined && gathered > 0) {
      const [place, bytes] = [begin, scratch.slice(0, gathered)]
      queueMicrotask(() => segments.writeNow(place, bytes))
    }`,
      },
    ],
    caughtBy: { kind: 'kill', in: 'large frames between small ones' },
    shows: BROKEN,
  },
  {
    rule: 'invariant 4',
    what: 'samples are not compared with their checksums',
    changes: [
      { file: 'segment/segment-reader.ts', from: 'if (bad < 0) return', to: 'if (bad < Infinity) return' },
    ],
    caughtBy: { kind: 'rot', store: 'archived', ending: 'closed', files: /segments/ },
    shows: /wrong data/,
  },
  {
    rule: 'invariant 4',
    what: 'records are not compared with their checksums',
    changes: [
      {
        file: 'journal/frame.ts',
        from: "return sum === getU32(bytes, offset) ? length : 'damaged'",
        to: 'return length',
      },
    ],
    caughtBy: { kind: 'rot', store: 'archived', ending: 'killed', files: /journal/ },
    shows: /wrong data|the segment is missing/,
  },
]
