import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { hostname } from 'node:os'
import { describe, expect, it } from 'vitest'
import { isAlive, readIdentity, viewProcess } from '../../../src/lease/identity.ts'
import type { ProcessView } from '../../../src/lease/identity.ts'
import type { Identity } from '../../../src/lease/lease.ts'

const own: Identity = { host: 'a', bootId: 'boot', pidNamespace: 'pid:[1]', pid: 10, startTime: '1000' }
const holder: Identity = { ...own, pid: 20, startTime: '500' }

function seen(view: ProcessView): (pid: number) => ProcessView {
  return (pid) => (pid === holder.pid ? view : { exists: false })
}

describe('this process', () => {
  const self = readIdentity(Date.now())

  it('has a host and an id', () => {
    expect(self.host).toBe(hostname())
    expect(self.pid).toBe(process.pid)
  })

  it.runIf(process.platform === 'linux')('has a boot, a namespace and a start that do not change', () => {
    expect(self.bootId).toMatch(/^[0-9a-f-]{36}$/)
    expect(self.pidNamespace).toMatch(/^pid:\[\d+\]$/)
    expect(self.startTime).toMatch(/^\d+$/)
    expect(readIdentity(0)).toEqual(self)
  })

  it('is alive', () => {
    expect(isAlive(self, self)).toBe('alive')
  })

  it.runIf(process.platform === 'linux')('is no proof of life for an earlier process with its id', () => {
    expect(isAlive({ ...self, startTime: '1' }, self)).toBe('dead')
  })
})

describe('a process of this machine', () => {
  it('is alive while its id is taken by a process with its start time', () => {
    expect(isAlive(holder, own, seen({ exists: true, startTime: '500' }))).toBe('alive')
  })

  it('is dead when its id is free, was given to another process, or only waits for its parent', () => {
    expect(isAlive(holder, own, seen({ exists: false }))).toBe('dead')
    expect(isAlive(holder, own, seen({ exists: true, startTime: '900' }))).toBe('dead')
    expect(isAlive(holder, own, seen({ exists: true, startTime: '500', hasEnded: true }))).toBe('dead')
  })

  it('is taken for alive when no start time can be compared', () => {
    expect(isAlive(holder, own, seen({ exists: true }))).toBe('alive')
    expect(isAlive({ ...holder, startTime: '' }, own, seen({ exists: true, startTime: '900' }))).toBe('alive')
  })

  it('is dead when the machine was started again', () => {
    expect(isAlive({ ...holder, bootId: 'before' }, own, seen({ exists: true, startTime: '500' }))).toBe(
      'dead',
    )
  })

  it('is not called dead because a clock that dates boots was set, only when its id is free', () => {
    const here = { ...own, bootId: '~1000000' }
    const near = { ...holder, bootId: '~1000004' }
    const far = { ...holder, bootId: '~1009999' }
    const running = seen({ exists: true })
    expect(isAlive(near, here, running)).toBe('alive')
    expect(isAlive(far, here, running)).toBe('unknown')
    expect(isAlive(far, here, seen({ exists: false }))).toBe('dead')
    expect(isAlive({ ...holder, bootId: 'exact' }, here, running)).toBe('unknown')
    expect(isAlive({ ...holder, bootId: '' }, own, running)).toBe('unknown')
  })
})

describe('a process elsewhere', () => {
  it('is unknown, on another host or in another namespace, whatever its id says here', () => {
    const free = seen({ exists: false })
    expect(isAlive({ ...holder, host: 'b' }, own, free)).toBe('unknown')
    expect(isAlive({ ...holder, host: 'b', bootId: 'other' }, own, free)).toBe('unknown')
    expect(isAlive({ ...holder, pidNamespace: 'pid:[2]' }, own, free)).toBe('unknown')
  })
})

describe('looking a process up', () => {
  it('finds a child while it runs, and not after it has ended', async () => {
    const child = spawn(process.execPath, ['-e', 'process.stdin.resume()'], {
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    await once(child, 'spawn')
    const pid = child.pid ?? 0
    const view = viewProcess(pid)
    expect(view.exists).toBe(true)
    expect(view.hasEnded ?? false).toBe(false)
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(viewProcess(pid).exists).toBe(false)
  })
})
