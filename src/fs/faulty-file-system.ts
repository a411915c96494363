// A file system that fails as told: rules say which operations of another file system fail, and how.
// Everything that no rule meets goes through untouched. Calls are matched when they are made, in the
// order of the calls, so that a rule means the same under any schedule. Used by tests only; nothing of
// the engine imports it.

import { assert } from '../assert.ts'
import type { File, FileStat, FileSystem, OpenMode } from './file-system.ts'
import { MemoryFileSystem } from './memory-file-system.ts'
import { MemoryFile } from './memory-file.ts'
import type { OperationKind } from './operation-kind.ts'
import { systemError } from './system-error.ts'

/**
 * How an operation goes wrong. `code`: it fails with this system error and does nothing (a close does
 * close). `short`: a read or write transfers at most so many bytes and says so. `failSync`: a sync
 * (of a file or a directory) fails with EIO; with `cleanPages`, which needs a MemoryFileSystem below,
 * what it should have synced stays visible but is never made durable by a later sync.
 */
export type Fault =
  | { readonly code: string }
  | { readonly short: number }
  | { readonly failSync: true; readonly cleanPages: boolean }

/** Which operations a fault strikes. */
export interface FaultRule {
  /** Default: every kind that the fault can strike. */
  readonly kind?: OperationKind | readonly OperationKind[]
  /** Tested against the path as the caller gave it (a link: the new name); default: every path. */
  readonly path?: RegExp
  /** The first match that is struck, from 1; default 1. */
  readonly nth?: number
  /** How many matches in a row are struck; default 1, may be Infinity. */
  readonly times?: number
  readonly fault: Fault
}

/** Wraps any file system and fails by rules that tests add and remove at any time. */
export class FaultyFileSystem implements FileSystem {
  readonly #inner: FileSystem
  readonly #matches = new Map<FaultRule, number>()
  readonly #struck = new Map<FaultRule, number>()
  /** Told of every operation when it is called, before a rule strikes it; undefined: nobody is told. */
  observer: ((kind: OperationKind, path: string) => void) | undefined

  constructor(inner: FileSystem, rules: readonly FaultRule[] = []) {
    this.#inner = inner
    for (const rule of rules) this.addRule(rule)
  }

  /** The rules in force, oldest first. */
  get rules(): FaultRule[] {
    return [...this.#matches.keys()]
  }

  /** Puts a rule in force; it counts its matches from now on. */
  addRule(rule: FaultRule): FaultRule {
    this.#matches.set(rule, 0)
    return rule
  }

  /** Takes a rule out of force; one that is not in force is no error. */
  removeRule(rule: FaultRule): void {
    this.#matches.delete(rule)
  }

  /** Takes all rules out of force. */
  clearRules(): void {
    this.#matches.clear()
  }

  /** How many operations the rule has struck, since ever. */
  struck(rule: FaultRule): number {
    return this.#struck.get(rule) ?? 0
  }

  openNow(path: string, mode: OpenMode): File {
    this.#fail(mode === 'create' ? 'create' : 'open', path)
    return new FaultyFile(this.#inner.openNow(path, mode), (kind) => this.#next(kind, path))
  }

  async list(path: string): Promise<string[]> {
    this.#fail('list', path)
    return this.#inner.list(path)
  }

  async stat(path: string): Promise<FileStat | undefined> {
    this.#fail('stat', path)
    return this.#inner.stat(path)
  }

  async realPath(path: string): Promise<string> {
    this.#fail('realPath', path)
    return this.#inner.realPath(path)
  }

  async makeDirectory(path: string): Promise<void> {
    this.#fail('makeDirectory', path)
    return this.#inner.makeDirectory(path)
  }

  async link(existing: string, path: string): Promise<void> {
    this.#fail('link', path)
    return this.#inner.link(existing, path)
  }

  async remove(path: string): Promise<void> {
    this.#fail('remove', path)
    return this.#inner.remove(path)
  }

  async removeDirectory(path: string): Promise<void> {
    this.#fail('removeDirectory', path)
    return this.#inner.removeDirectory(path)
  }

  async syncDirectory(path: string): Promise<void> {
    this.#failDirectorySync(path)
    return this.#inner.syncDirectory(path)
  }

  syncDirectoryNow(path: string): void {
    this.#failDirectorySync(path)
    this.#inner.syncDirectoryNow(path)
  }

  #fail(kind: OperationKind, path: string): void {
    const fault = this.#next(kind, path)
    if (fault !== undefined && 'code' in fault) throw systemError(fault.code, kind, path)
  }

  #failDirectorySync(path: string): void {
    const fault = this.#next('syncDirectory', path)
    if (fault === undefined) return
    if ('cleanPages' in fault && fault.cleanPages) {
      assert(this.#inner instanceof MemoryFileSystem, 'clean pages are simulated on a MemoryFileSystem only')
      this.#inner.markDirectoryClean(path)
    }
    throw systemError('code' in fault ? fault.code : 'EIO', 'syncDirectory', path)
  }

  /** Counts an operation against all rules; the fault of the oldest one that strikes it. */
  #next(kind: OperationKind, path: string): Fault | undefined {
    this.observer?.(kind, path)
    let struck: FaultRule | undefined
    for (const [rule, before] of this.#matches) {
      if (!matches(rule, kind, path)) continue
      this.#matches.set(rule, before + 1)
      const first = rule.nth ?? 1
      if (before + 1 >= first && before + 1 < first + (rule.times ?? 1)) struck ??= rule
    }
    if (struck !== undefined) this.#struck.set(struck, this.struck(struck) + 1)
    return struck?.fault
  }
}

class FaultyFile implements File {
  readonly path: string
  readonly #inner: File
  readonly #next: (kind: OperationKind) => Fault | undefined

  constructor(inner: File, next: (kind: OperationKind) => Fault | undefined) {
    this.path = inner.path
    this.#inner = inner
    this.#next = next
  }

  readNow(target: Uint8Array, offset: number): number {
    return this.#inner.readNow(this.#shortened('read', target), offset)
  }

  async read(target: Uint8Array, offset: number): Promise<number> {
    return this.#inner.read(this.#shortened('read', target), offset)
  }

  writeNow(source: Uint8Array, offset: number): number {
    return this.#inner.writeNow(this.#shortened('write', source), offset)
  }

  async write(source: Uint8Array, offset: number): Promise<number> {
    return this.#inner.write(this.#shortened('write', source), offset)
  }

  truncateNow(size: number): void {
    this.#fail('truncate')
    this.#inner.truncateNow(size)
  }

  sizeNow(): number {
    this.#fail('size')
    return this.#inner.sizeNow()
  }

  async sync(): Promise<void> {
    this.#failSync()
    return this.#inner.sync()
  }

  syncNow(): void {
    this.#failSync()
    this.#inner.syncNow()
  }

  async punch(offset: number, length: number): Promise<void> {
    const fault = this.#next('punch')
    if (fault !== undefined && 'code' in fault) throw systemError(fault.code, 'punch', this.path)
    if (this.#inner.punch === undefined) throw systemError('EOPNOTSUPP', 'punch', this.path)
    return this.#inner.punch(offset, length)
  }

  closeNow(): void {
    const fault = this.#next('close')
    this.#inner.closeNow()
    if (fault !== undefined && 'code' in fault) throw systemError(fault.code, 'close', this.path)
  }

  #fail(kind: OperationKind): Fault | undefined {
    const fault = this.#next(kind)
    if (fault !== undefined && 'code' in fault) throw systemError(fault.code, kind, this.path)
    return fault
  }

  #shortened(kind: 'read' | 'write', bytes: Uint8Array): Uint8Array {
    const fault = this.#fail(kind)
    return fault !== undefined && 'short' in fault ? bytes.subarray(0, fault.short) : bytes
  }

  #failSync(): void {
    const fault = this.#fail('sync')
    if (fault === undefined) return
    if ('cleanPages' in fault && fault.cleanPages) {
      assert(this.#inner instanceof MemoryFile, 'clean pages are simulated on a MemoryFileSystem only')
      this.#inner.markClean()
    }
    throw systemError('EIO', 'sync', this.path)
  }
}

function matches(rule: FaultRule, kind: OperationKind, path: string): boolean {
  if ('short' in rule.fault && kind !== 'read' && kind !== 'write') return false
  if ('failSync' in rule.fault && kind !== 'sync' && kind !== 'syncDirectory') return false
  const kinds = typeof rule.kind === 'string' ? [rule.kind] : rule.kind
  if (kinds !== undefined && !kinds.includes(kind)) return false
  return rule.path === undefined || path.search(rule.path) !== -1
}
