import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadOsLock } from '../../../src/lease/os-lock.ts'
import type { FileLocks } from '../../../src/lease/os-lock.ts'

// The module is optional: where it is missing there is nothing to show but that.
const available = await loadOsLock()

let directory: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'rubidium-'))
})

afterEach(() => {
  rmSync(directory, { recursive: true })
})

describe('the lock of the operating system', () => {
  it('can be switched off by the environment', async () => {
    const before = process.env['RUBIDIUM_NO_OS_LOCK']
    process.env['RUBIDIUM_NO_OS_LOCK'] = '1'
    try {
      expect(await loadOsLock()).toBeUndefined()
    } finally {
      if (before === undefined) delete process.env['RUBIDIUM_NO_OS_LOCK']
      else process.env['RUBIDIUM_NO_OS_LOCK'] = before
    }
  })

  describe.runIf(available !== undefined)('where there is one', () => {
    const lock = available as FileLocks

    it("is held by one descriptor, within one process too, and shows the holder's note to others", () => {
      const path = join(directory, 'LOCK')
      const first = lock.tryLock(path)
      expect(first.outcome).toBe('held')
      if (first.outcome !== 'held') return
      first.lock.writeNote('a longer note')
      first.lock.writeNote('mine')
      expect(lock.tryLock(path)).toEqual({ outcome: 'busy', note: 'mine' })
      first.lock.release()
      first.lock.release()
      const second = lock.tryLock(path)
      expect(second.outcome).toBe('held')
      if (second.outcome === 'held') second.lock.release()
    })

    it('keeps files apart', () => {
      const [one, two] = [lock.tryLock(join(directory, 'one')), lock.tryLock(join(directory, 'two'))]
      expect([one.outcome, two.outcome]).toEqual(['held', 'held'])
      for (const attempt of [one, two]) if (attempt.outcome === 'held') attempt.lock.release()
    })

    it('of a file tells whether somebody holds it, and makes no file', () => {
      const path = join(directory, 'one')
      expect(lock.isHeld(path)).toBeUndefined()
      expect(existsSync(path)).toBe(false)
      const attempt = lock.tryLock(path)
      expect(lock.isHeld(path)).toBe(true)
      if (attempt.outcome === 'held') attempt.lock.release()
      expect(lock.isHeld(path)).toBe(false)
      // The look has given it back.
      expect(lock.tryLock(path).outcome).toBe('held')
    })

    it('of a file that must be there makes none', () => {
      const path = join(directory, 'one')
      expect(() => lock.tryLockThere(path)).toThrow('ENOENT')
      expect(existsSync(path)).toBe(false)
      writeFileSync(path, '')
      expect(lock.tryLockThere(path).outcome).toBe('held')
      expect(lock.tryLock(path).outcome).toBe('busy')
    })

    it('throws where its file cannot be opened', () => {
      writeFileSync(join(directory, 'file'), '')
      expect(() => lock.tryLock(join(directory, 'file', 'LOCK'))).toThrow(/ENOTDIR|ENOENT/)
    })
  })
})
