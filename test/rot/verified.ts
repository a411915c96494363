// Holds what `verify` says of a damaged store against what opening and reading of it meet: everything that any call
// meets is found, in its file; nothing else is, save where two files contradict each other; two faults are both
// found; nothing is changed. Used by verify.test.ts and verify-soak.ts.

import { isDeepStrictEqual } from 'node:util'
import { openEngine } from '../../src/database/opening/open.ts'
import { resolveOptions } from '../../src/database/options.ts'
import { verifyIn } from '../../src/database/verify/directory.ts'
import type { Problem, VerifyReport } from '../../src/database/verify/report.ts'
import { CorruptionError, NotADatabaseError, UnsupportedVersionError } from '../../src/errors.ts'
import type { MemoryFileSystem } from '../../src/fs/memory-file-system.ts'
import { Database } from '../../src/index.ts'
import { DIRECTORY } from '../crash/machine.ts'
import { SMALL } from '../crash/session.ts'
import { absolute, damaged, filesOf, nameOf } from './damage.ts'
import type { Damage } from './damage.ts'
import { changesOf, touchesAny } from './expected.ts'
import type { Changes } from './expected.ts'
import { RotMachine } from './machine.ts'
import { OPTIONS } from './stores.ts'
import type { Store } from './stores.ts'

type Environment = ReturnType<RotMachine['environment']>

function environmentOf(store: Store, disk: MemoryFileSystem): Environment {
  return RotMachine.opener(disk, store.ending !== 'restarted').environment({ ...SMALL, ...OPTIONS.tuning })
}

/** What `verify` says. @throws Error where it changes a file, or says what does not survive JSON */
export async function verifyOf(store: Store, disk: MemoryFileSystem): Promise<VerifyReport> {
  const contents = (): string[] =>
    disk.files().map((path) => `${path} ${Buffer.from(disk.snapshotBytes(path)).toString('base64')}`)
  const before = contents()
  const report = await verifyIn(environmentOf(store, disk), DIRECTORY)
  if (!isDeepStrictEqual(contents(), before)) throw new Error('verify changed a file')
  if (!isDeepStrictEqual(JSON.parse(JSON.stringify(report)), report)) throw new Error('it is no plain value')
  if (report.ok !== (report.problems.length === 0)) throw new Error('"ok" contradicts the problems')
  return report
}

/** Every error that opening to write, opening to read and reading all of it meet; of copies of the disk. */
async function metBy(store: Store, disk: MemoryFileSystem): Promise<Error[]> {
  const met: Error[] = []
  for (const readOnly of [false, true]) {
    let opened
    try {
      opened = await openEngine(environmentOf(store, disk.clone()), DIRECTORY, {
        ...resolveOptions({ readOnly, syncInterval: '20d' }),
        segmentSize: OPTIONS.segmentSize,
        memoryBudget: 256 * 1024,
      })
    } catch (error) {
      met.push(error as Error)
      continue
    }
    const db = new Database(opened.engine, opened.flusher)
    // A writer that opened has cut off what a crash left: blocks are read as they were found.
    for (const { name } of readOnly ? db.channels.list() : []) {
      try {
        await db.read(name)
      } catch (error) {
        met.push(error as Error)
      }
    }
    opened.engine.stopTimers()
  }
  return met
}

function show(problems: readonly Problem[]): string {
  return problems.map(({ what, file, offset }) => `\n  ${file ?? ''}:${offset ?? ''} ${what}`).join('')
}

/** What is wrong with what `verify` says of a store with this damage; undefined where nothing is. */
export async function faultOf(store: Store, damage: Damage): Promise<string | undefined> {
  const label = `${store.name},${store.ending} ${nameOf(damage)}: `
  const disk = damaged(store, damage)
  try {
    const report = await verifyOf(store, disk)
    const met = await metBy(store, disk)
    const fault = missed(report, met) ?? invented(store, disk, damage, changesOf(store, disk), report, met)
    return fault === undefined ? undefined : label + fault
  } catch (error) {
    return label + (error instanceof Error ? (error.stack ?? error.message) : String(error))
  }
}

function missed({ problems }: VerifyReport, met: readonly Error[]): string | undefined {
  for (const error of met) {
    if (!(error instanceof CorruptionError || error instanceof UnsupportedVersionError)) continue
    if (!problems.some(({ file }) => file === error.file))
      return `does not find ${error.message}, but${show(problems)}`
  }
  return undefined
}

function invented(
  { disk: whole }: Store,
  disk: MemoryFileSystem,
  damage: Damage,
  changes: Changes,
  { ok, problems }: VerifyReport,
  met: readonly Error[],
): string | undefined {
  if (changes.size === 0 && !ok) return `finds what is not there:${show(problems)}`
  const sizeIn = (of: MemoryFileSystem, path: string): number =>
    of.files().includes(path) ? of.snapshotBytes(path).length : 0
  // A mark and a manifest, or files of two databases: it may be either. Behind a log that is not believed an older
  // state shows, whose segments a later one may have dropped.
  const isContradicted = touchesAny(changes, 'CLEAN', 'journal', 'manifest') || damage.kind === 'twin'
  for (const { file, offset } of problems) {
    if (file === undefined || offset === undefined) return `a problem without a place:${show(problems)}`
    if (!changes.has(file) && !isContradicted) return `blames another file:${show(problems)}`
    if (offset > Math.max(sizeIn(disk, file), sizeIn(whole, file))) return `no such place:${show(problems)}`
  }
  // Who may write is no reader's matter, and a writer is not told of bytes that it does not read.
  const mayBeUnmet = touchesAny(changes, 'LEASE', 'FENCE', 'segments') || damage.kind === 'twin'
  const isMet = met.some((error) => !(error instanceof NotADatabaseError))
  if (!ok && !isMet && !mayBeUnmet) return `finds what nobody meets:${show(problems)}`
  return undefined
}

/** What is wrong with what `verify` says of a store without these files, relative to its folder; undefined where nothing is. */
export async function faultOfRemoval(store: Store, paths: readonly string[]): Promise<string | undefined> {
  const label = `${store.name},${store.ending} without ${paths.join(' ')}: `
  const disk = store.disk.clone()
  for (const path of paths) await disk.remove(absolute(path))
  try {
    const fault = missed(await verifyOf(store, disk), await metBy(store, disk))
    return fault === undefined ? undefined : label + fault
  } catch (error) {
    // Nothing at all is left of it, or nothing that was ever written.
    if (error instanceof NotADatabaseError && paths.length === filesOf(store.disk).length) return undefined
    return label + (error instanceof Error ? (error.stack ?? error.message) : String(error))
  }
}

/** Of two flipped bits in different files: the files that `verify` blames for one alone and not for both. */
export async function hiddenBy(
  store: Store,
  one: Damage & { readonly kind: 'bit' },
  other: Damage & { readonly kind: 'bit' },
): Promise<string | undefined> {
  const both = damaged(store, one)
  both.corrupt(`${DIRECTORY}/${other.path}`, other.offset, 1 << other.bit)
  const blamed = async (disk: MemoryFileSystem): Promise<(string | undefined)[]> =>
    (await verifyOf(store, disk)).problems.map(({ file }) => file)
  const wanted = [...(await blamed(damaged(store, one))), ...(await blamed(damaged(store, other)))]
  const found = await blamed(both)
  const hidden = wanted.filter((file) => !found.includes(file))
  if (hidden.length === 0) return undefined
  return `${store.name},${store.ending} ${nameOf(one)} and ${nameOf(other)}: hides ${hidden.join(', ')}`
}
