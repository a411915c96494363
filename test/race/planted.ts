// Races planted on purpose: what the engine would do if one of its steps were two. In each test build the checker
// must find a history that no order explains; in the engine as it is the same seed must be without fault. How test
// builds are made: test/proof/test-build.ts. Used by planted.test.ts.

import type { Weakening } from '../proof/test-build.ts'

export interface PlantedRace extends Weakening {
  readonly what: string
  /** The seed to begin with: close before one that shows it. */
  readonly from: number
  /** How the checker says it. */
  readonly shows: RegExp
}

const UNEXPLAINED = /no order explains/

/** A delete waits for its guard, with what it planned in hand. */
const GUARD = `    using held = await engine.guards.acquire(catalog, {
      rank: 'index',
      mode: 'exclusive',
      keys,
      purpose,
      timeoutMs,
      signal,
    })
`

const PLAN = '    const draft = await draftDelete(held, engine, found, bounds)\n'

const WAIT = 'for (let i = 0; i < 6; i++) await new Promise((resolve) => setImmediate(resolve))'

export const PLANTED: readonly PlantedRace[] = [
  {
    what: 'cut positions are resolved before the guard',
    changes: [
      {
        file: 'database/database.ts',
        from: GUARD + PLAN,
        to: `    const draft = await draftDelete(undefined as never, engine, found, bounds)
    ${WAIT}
${GUARD}`,
      },
      {
        file: 'database/delete-draft.ts',
        from: '    assertHeld(this.#held, ref.index.key)\n',
        to: '',
      },
      {
        file: 'database/delete-draft.ts',
        from: "    assert(held === this.#held, 'a delete is published under the guards that it was planned under')\n",
        to: '',
      },
    ],
    from: 1,
    shows: UNEXPLAINED,
  },
  {
    what: 'a delete misses a commit that was made, and read, between its plan and its append',
    changes: [
      {
        file: 'database/database.ts',
        from: PLAN,
        to: `${PLAN}    ${WAIT}\n`,
      },
      { file: 'database/delete.ts', from: '  takeSteps(draft.takeSince())\n', to: '' },
    ],
    from: 5,
    shows: UNEXPLAINED,
  },
  {
    what: 'the head changes before the journal append',
    changes: [
      {
        file: 'database/engine.ts',
        from: 'const next = apply(this.version, edit, lsn, planned?.ahead)',
        // What is appended fails too rarely by itself.
        to: `const next = apply(this.version, edit, lsn, planned?.ahead)
    if (edit.kind === 'delete') {
      this.version = { ...next, lsn: this.version.lsn }
      if (lsn % 4 === 0) throw new StorageError('no room', { path: this.directory })
    }`,
      },
    ],
    from: 50,
    shows: UNEXPLAINED,
  },
  {
    // In a region that writers share: as long as each has its own, little else keeps them apart.
    what: 'a commit is checked against an older head',
    changes: [
      {
        file: 'control/region.ts',
        from: 'if (other === self.stream || position === undefined) continue',
        to: 'if (other !== undefined) continue',
      },
      {
        file: 'database/commit.ts',
        from: 'if (stream.generation === group.generation) return stream.goesOn',
        to: 'return stream.goesOn && wasCommitted',
      },
    ],
    from: 55,
    shows: /has \d+ already|lies inside the stretch/,
  },
  {
    what: 'a file is removed while it is pinned',
    changes: [
      {
        file: 'database/pins.ts',
        from: 'return Math.min(this.own, this.registered)',
        to: 'return this.registered',
      },
    ],
    from: 47,
    shows: /(snapshot|frames|read).* failed: .*the segment is missing/,
  },
  {
    what: 'the collector takes spilled bytes that are not named yet',
    changes: [
      {
        file: 'database/collection/collect-run.ts',
        from: 'live + segment.tailLive + segment.reserved',
        to: 'live + segment.tailLive',
      },
      {
        file: 'database/collection/rewrite.ts',
        from: "if (segment.reserved > 0) return 'samples that are not committed yet lie in it'",
        to: '',
      },
    ],
    from: 37,
    shows: /the segment is missing|segment .* is known/,
  },
  {
    what: 'a flush installs what a delete has cut meanwhile',
    changes: [
      {
        file: 'database/install.ts',
        from: 'const now = { ...strip.view(), to }',
        to: 'const now = { ...captured, to }',
      },
    ],
    from: 12,
    shows: UNEXPLAINED,
  },
]
