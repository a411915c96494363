// All soaks, one after the other: `npm run soak -- --minutes N [--seed S]`, N minutes in all. Each prints what it
// did, its failures, and the command that shows each of them again. Ends with 1 where one of them failed.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { parseArgs } from 'node:util'

/** What is run, and its share of the time. */
const SOAKS: readonly { readonly script: string; readonly share: number }[] = [
  { script: 'test/crash/soak.ts', share: 0.4 },
  { script: 'test/race/soak.ts', share: 0.2 },
  { script: 'test/race/readers-soak.ts', share: 0.1 },
  { script: 'test/model/soak.ts', share: 0.2 },
  { script: 'test/rot/verify-soak.ts', share: 0.1 },
]

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '10' }, seed: { type: 'string', default: '1' } },
})
const minutes = Number(values.minutes)
if (!(minutes > 0) || !Number.isFinite(minutes)) throw new Error('--minutes takes a number above 0')

for (const { script, share } of SOAKS) {
  const options = ['--minutes', String(minutes * share), '--seed', values.seed]
  process.stdout.write(`\n${script} ${options.join(' ')}\n`)
  const child = spawn(process.execPath, ['--import', 'tsx', script, ...options], { stdio: 'inherit' })
  const [code] = (await once(child, 'exit')) as [number | null]
  if (code !== 0) process.exitCode = 1
}
