// A file system that tells of every change before and after it is made, and does nothing else. A process
// that is going to be killed says through it what it is in the middle of, and finds the instants to die at.
// Called by child-killed.ts.

import type { File, FileSystem, OpenMode } from '../../src/fs/file-system.ts'

/** Called around each call of the port, with its name and the path that it is about; `after` also where it failed. */
export interface Watcher {
  before(call: string, path: string): void
  after(call: string, path: string): void
}

/** Calls that change and sync nothing. */
const QUIET: readonly string[] = ['list', 'stat', 'readNow', 'read', 'sizeNow', 'closeNow']

type Method = (...args: unknown[]) => unknown

/** `files`, watched. */
export function watch(files: FileSystem, watcher: Watcher): FileSystem {
  return surround(files, watcher, (call, args) => String(call === 'link' ? args[1] : args[0]), {
    openNow: (path: string, mode: OpenMode) => {
      const open = (): File => files.openNow(path, mode)
      const file = mode === 'create' ? around(watcher, 'create', path, open) : open()
      return surround(file, watcher, () => path)
    },
  })
}

/** An object whose methods tell the watcher, those in `instead` aside. */
function surround<T extends object>(
  inner: T,
  watcher: Watcher,
  pathOf: (call: string, args: readonly unknown[]) => string,
  instead: object = {},
): T {
  return new Proxy(inner, {
    get(target, key) {
      const own = (Reflect.get(instead, key) ?? Reflect.get(target, key)) as unknown
      if (typeof own !== 'function') return own
      const call = String(key)
      const method = own as Method
      if (QUIET.includes(call) || key in instead) return method.bind(target)
      return (...args: unknown[]) =>
        around(watcher, call, pathOf(call, args), () => method.apply(target, args))
    },
  })
}

function around<T>(watcher: Watcher, call: string, path: string, method: () => T): T {
  watcher.before(call, path)
  let result: T
  try {
    result = method()
  } catch (error) {
    watcher.after(call, path)
    throw error
  }
  if (result instanceof Promise) {
    const after = (): void => watcher.after(call, path)
    return result.finally(after) as T
  }
  watcher.after(call, path)
  return result
}
