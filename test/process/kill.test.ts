// Real processes, really killed: what was acknowledged is there for the next one, as its durability promises,
// whatever the process was in the middle of. RUBIDIUM_RUNS is the number of kills in each setting; the soak is
// kill-soak.ts.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { propertyOptions } from '../support/seeds.ts'
import { Account, settle } from './kill-account.ts'
import { SETTINGS } from './kill-plan.ts'
import type { Plan } from './kill-plan.ts'
import { KillLane } from './kill-rounds.ts'
import { apply, textOf } from './kill-steps.ts'
import type { Step } from './kill-steps.ts'

let root: string

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'rubidium-'))
})

afterAll(() => {
  rmSync(root, { recursive: true })
})

describe('a process that is killed in the middle of anything', () => {
  const { numRuns, seed = Date.now() % 1_000_000 } = propertyOptions(6)

  // 0001-I7
  it.each(SETTINGS)(
    'loses nothing that it was promised, nor a part of anything: %s',
    async (setting) => {
      const at = SETTINGS.indexOf(setting)
      const directory = join(root, setting)
      const lane = new KillLane({ directory, setting, seed: seed + at, withLock: at % 2 === 0 })
      let acknowledged = 0
      for (let i = 0; i < numRuns; i++) acknowledged += (await lane.kill()).acknowledged
      await lane.finish()
      expect(acknowledged).toBeGreaterThan(10)
    },
    600_000,
  )
})

describe('the account of a process', () => {
  const plan: Plan = { directory: '', durability: 'batched', seed: 1, stamp: 1, intervalMs: 50, isCalm: true }
  const steps: Step[] = [
    { do: 'create', channels: [{ name: 't', kind: 'index' }], by: 'batched' },
    { do: 'write', index: 't', from: 1, to: 5, stamp: 1, by: 'batched' },
    { do: 'write', index: 't', from: 5, to: 9, stamp: 2, by: 'relaxed' },
    { do: 'write', index: 't', from: 9, to: 12, stamp: 3, by: 'strict' },
    { do: 'delete', names: ['t'], from: 2, to: 4, by: 'batched' },
  ]

  function accountOf(lines: readonly string[]): Account {
    const account = new Account(plan)
    for (const step of steps) account.add(`> ${JSON.stringify(step)}`)
    for (const line of lines) account.add(line)
    return account
  }

  it('promises by durability and by what was lost', () => {
    const promised = (lines: readonly string[]): number[] => {
      const account = accountOf(lines)
      return [
        account.promised('kill', 2000),
        account.promised('power', 2000),
        account.promised('image', 2000),
      ]
    }
    expect(promised(['< 1 1000'])).toEqual([2, 0, 0])
    expect(promised(['< 1 1000', '< 2 1001'])).toEqual([2, 0, 0])
    expect(promised(['< 2 1001', '< 3 2001'])).toEqual([4, 4, 0])
    expect(promised(['< 3 1500', '< 4 1501'])).toEqual([5, 4, 4])
    expect(promised(['< 4 1501 -'])).toEqual([0, 0, 0])
  })

  it('promises what is older than the interval, time aside in which nothing could be synced', () => {
    const beats = Array.from({ length: 100 }, (_, i) => `h ${i * 5000}`)
    expect(accountOf([...beats, '< 2 400000']).promised('power', 497_000)).toBe(3)
    expect(accountOf([...beats, '< 2 440000']).promised('power', 497_000)).toBe(0)
    const busy = ['s 410000', 'e 450000', '< 2 400000']
    expect(accountOf([...beats, ...busy]).promised('power', 497_000)).toBe(0)
    const asleep = beats.filter((_, i) => i < 85 || i > 95)
    expect(accountOf([...asleep, '< 2 400000']).promised('power', 497_000)).toBe(0)
  })

  it('takes a state for what it is only if enough steps led to it, and all of each', () => {
    const states = steps.map((_, i) => steps.slice(0, i + 1).reduce(apply, []))
    expect(textOf(settle([], steps, 3, textOf(states[3]!)))).toBe('t index timestamp - -: 1-12*0')
    expect(textOf(settle([], steps, 3, textOf(states[4]!)))).toBe('t index timestamp - -: 1-2*0 4-12*0')
    expect(() => settle([], steps, 4, textOf(states[2]!))).toThrow(
      'the one after step 3: what came later was lost',
    )
    expect(() => settle([], steps, 0, 't index timestamp - -: 1-4*0')).toThrow('no earlier one')
  })
})
