// `dump`: everything in a file is shown, with its place and whether its checksums hold; damage shows where it is and
// hides nothing else. The stores are those of the bit-rot tests.

import { beforeAll, describe, expect, it } from 'vitest'
import { dumpIn } from '../../../src/database/dump/dump.ts'
import type { DumpEntry } from '../../../src/database/dump/entry.ts'
import { NotADatabaseError, ValidationError } from '../../../src/errors.ts'
import { FaultyFileSystem } from '../../../src/fs/faulty-file-system.ts'
import type { FileSystem } from '../../../src/fs/file-system.ts'
import { dump } from '../../../src/index.ts'
import { DIRECTORY } from '../../crash/machine.ts'
import { makeStore, STORES } from '../../rot/stores.ts'
import type { Store } from '../../rot/stores.ts'

let store: Store

beforeAll(async () => {
  store = await makeStore('archived', 'killed')
})

async function entriesOf(
  files: FileSystem,
  path: string,
  options: { readonly details?: boolean; readonly signal?: AbortSignal } = {},
): Promise<DumpEntry[]> {
  const entries: DumpEntry[] = []
  for await (const entry of dumpIn(files, path, options)) entries.push(entry)
  return entries
}

function pathsOf(folder: string): string[] {
  return store.disk.files().filter((path) => path.includes(`/${folder}/`))
}

/** The entries of level 0 lie side by side, from the first byte to the last. */
function expectToCover(entries: readonly DumpEntry[], size: number): void {
  let at = 0
  for (const { what, level, offset, length } of entries) {
    if (level === 1 || what === 'file') continue
    expect(offset).toBe(at)
    at += length!
  }
  expect(at).toBe(size)
}

describe('dump', () => {
  it.each(STORES)('shows every byte of every file as sound ($name, $ending)', async ({ name, ending }) => {
    const { disk } = await makeStore(name, ending)
    for (const path of disk.files()) {
      const entries = await entriesOf(disk, path, { details: true })
      expect(entries[0]).toMatchObject({ what: 'file', fields: { path } })
      expectToCover(entries, disk.snapshotBytes(path).length)
      expect(entries.filter(({ sound, what }) => sound === false || what === 'gap')).toEqual([])
      expect(JSON.parse(JSON.stringify(entries))).toEqual(entries)
      for (const { text } of entries) expect(text).not.toMatch(/undefined|NaN|\[object/)
    }
  })

  it('shows all kinds of records and frames, with what is in them', async () => {
    const kinds = new Set<unknown>()
    const details = new Set<string>()
    for (const { name, ending } of STORES) {
      const { disk } = await makeStore(name, ending)
      for (const entry of await entriesOf(disk, DIRECTORY, { details: true })) {
        if (entry.level === 1) details.add(entry.what)
        if (entry.what === 'edit' || entry.what === 'record' || entry.what === 'frame')
          kinds.add(entry.fields['kind'])
      }
    }
    const edits = ['begin', 'create', 'redefine', 'remove', 'flush', 'delete', 'drop']
    expect([...kinds]).toEqual(expect.arrayContaining(['commit', ...edits, 'pointers', 'end', 'archive']))
    expect([...details].sort()).toEqual([
      'block',
      'change',
      'channel',
      'edit',
      'group',
      'pointer',
      'run',
      'segment',
    ])
  })

  it('says what is where: a commit, an extent, who holds the lease', async () => {
    const journal = (await entriesOf(store.disk, pathsOf('journal')[0]!)).filter(
      ({ what }) => what === 'record',
    )
    expect(journal.map(({ fields }) => fields['lsn'])).toEqual(
      store.records.filter(({ path }) => path === pathsOf('journal')[0]).map(({ lsn }) => lsn),
    )
    const [extent] = (await entriesOf(store.disk, pathsOf('segments')[0]!)).filter(
      ({ what }) => what === 'extent',
    )
    expect(extent).toMatchObject({
      offset: 64,
      fields: { channel: 1, type: 'timestamp', index: true, samples: 24, epoch: 1, lost: [] },
    })
    expect(extent!.text).toMatch(/^24 samples of channel 1 \(index\) from 2023-11-14T22:13:20\.000006Z to /)
    expect(await entriesOf(store.disk, `${DIRECTORY}/FENCE`)).toMatchObject([
      {},
      { what: 'number', text: 'epoch 1 is in force' },
    ])
    expect(await entriesOf(store.disk, `${DIRECTORY}/LEASE-000001`)).toMatchObject([
      {},
      { what: 'text', sound: true, fields: { value: { epoch: 1, host: 'simulated' } } },
    ])
  })

  it('shows damage where it is, and all that is sound before and behind it', async () => {
    for (const path of [...pathsOf('journal'), ...pathsOf('manifest'), ...pathsOf('segments')]) {
      const whole = await entriesOf(store.disk, path)
      for (const [i, { what, offset, length }] of whole.entries()) {
        if (what === 'file') continue
        const disk = store.disk.clone()
        disk.corrupt(path, offset! + Math.min(length! - 1, 41), 2)
        const entries = await entriesOf(disk, path)
        expectToCover(entries, disk.snapshotBytes(path).length)
        const at = (entry: DumpEntry): boolean => entry.what !== 'file' && entry.offset === offset
        const found = entries.find(at)!
        expect(found.sound === false || found.what === 'gap').toBe(true)
        const others = whole.filter((_, k) => k !== i)
        const isSame = (entry: DumpEntry): boolean =>
          others.some((other) => other.offset === entry.offset && other.what === entry.what)
        // Behind a damaged record commits may miss the list of their channels; they are shown all the same.
        expect(entries.filter((entry) => !at(entry)).every(isSame)).toBe(true)
        expect(entries).toHaveLength(whole.length)
      }
    }
  })

  it('knows the database of a file whose header is damaged by the files beside it', async () => {
    for (const path of [pathsOf('journal').at(-1)!, pathsOf('segments')[0]!]) {
      const disk = store.disk.clone()
      disk.corrupt(path, 20, 1)
      const [, header, ...rest] = await entriesOf(disk, path)
      expect(header).toMatchObject({ what: 'header', sound: false })
      expect(rest.every(({ sound }) => sound === true)).toBe(true)
      for (const other of disk.files()) if (other !== path) await disk.remove(other)
      const [, , alone] = await entriesOf(disk, path)
      expect(alone).toMatchObject({ what: 'gap', text: expect.stringMatching(/which database/) })
    }
  })

  it('shows a file under another name as what it says that it is', async () => {
    const [journal] = pathsOf('journal')
    const disk = store.disk.clone()
    await disk.link(journal!, `${DIRECTORY}/journal/000009-000000000009`)
    await disk.link(journal!, `${DIRECTORY}/copy`)
    const [, header, ...rest] = await entriesOf(disk, `${DIRECTORY}/journal/000009-000000000009`)
    expect(header!.text).toMatch(/epoch 1, .*; the journal says another epoch than its name/)
    expect(rest.every(({ sound }) => sound === true)).toBe(true)
    const copy = await entriesOf(disk, `${DIRECTORY}/copy`)
    expect(copy[0]).toMatchObject({ fields: { kind: 'journal' } })
    expect(copy.slice(2)).toEqual(rest)
  })

  it('goes on where the disk refuses to give bytes, and says so', async () => {
    const [path] = pathsOf('segments')
    const faulty = new FaultyFileSystem(store.disk.clone())
    faulty.addRule({ kind: 'read', path: /segments/, times: Infinity, fault: { code: 'EIO' } })
    const entries = await entriesOf(faulty, path!)
    expect(entries.some(({ text }) => text.startsWith('the file system refused'))).toBe(true)
  })

  it('shows all files of a directory, one after the other', async () => {
    const entries = await entriesOf(store.disk, DIRECTORY)
    const files = entries.filter(({ what }) => what === 'file').map(({ fields }) => fields['path'])
    expect(new Set(files)).toEqual(new Set(store.disk.files()))
  })

  it('refuses what is no file of a database', async () => {
    const disk = store.disk.clone()
    const file = disk.openNow('/srv/notes', 'create')
    file.writeNow(new TextEncoder().encode('hello'), 0)
    for (const path of ['/srv/notes', '/srv', '/srv/nothing'])
      await expect(entriesOf(disk, path)).rejects.toThrow(NotADatabaseError)
    await expect(entriesOf(disk, `${DIRECTORY}/segments`)).rejects.toThrow(
      `it looks like a folder of one: give "${DIRECTORY}", or one file`,
    )
    expect(() => dump('')).toThrow(ValidationError)
    expect(() => dump('x', { details: 1 } as never)).toThrow(ValidationError)
    expect(() => dump('x', { more: true } as never)).toThrow(ValidationError)
  })

  it('does not call a directory that it may not list one that holds nothing', async () => {
    const faulty = new FaultyFileSystem(store.disk.clone())
    faulty.addRule({ kind: 'list', times: Infinity, fault: { code: 'EACCES' } })
    await expect(entriesOf(faulty, DIRECTORY)).rejects.toThrow(/permission was denied/)
  })

  it('ends when it is told to', async () => {
    const signal = AbortSignal.abort(new Error('enough'))
    await expect(entriesOf(store.disk, DIRECTORY, { signal })).rejects.toThrow('enough')
  })
})
