// The order check (0004-I6) on every database that a test opens: each call of the public interface is an
// operation, and what was found fails the test in which it was found. Whoever makes an environment for the
// engine passes `guardCheck` in it and calls `assertGuards` at the end. Off in production, where no call is watched.

import { Channels } from '../../src/database/channels.ts'
import { Database } from '../../src/database/database.ts'
import { Writer } from '../../src/database/open-writer.ts'
import { Reads } from '../../src/database/reads.ts'
import { Snapshot } from '../../src/database/snapshot.ts'
import { OrderCheck } from '../../src/guard/order-check.ts'

/** Of this process: tests of one file run one after the other. */
export const guardCheck: OrderCheck = new OrderCheck()

/** @throws Error naming every guard that was acquired beside the chain, or outlived its operation, since the last call */
export function assertGuards(): void {
  const found = guardCheck.violations.splice(0)
  if (found.length > 0) throw new Error(`guards (0004-I6):\n${found.join('\n')}`)
}

type Method = (this: unknown, ...args: unknown[]) => unknown

/** Makes every method an operation. Generators run in the context of who asks for the next value: left alone. */
function watch(name: string, prototype: object): void {
  for (const key of Object.getOwnPropertyNames(prototype)) {
    const property = Object.getOwnPropertyDescriptor(prototype, key)
    const method = property?.value as Method | undefined
    if (typeof method !== 'function' || key === 'constructor' || isGenerator(method)) continue
    Object.defineProperty(prototype, key, {
      ...property,
      value(this: unknown, ...args: unknown[]): unknown {
        return guardCheck.watch(`${name}.${key}`, () => method.apply(this, args))
      },
    })
  }
}

function isGenerator(method: Method): boolean {
  return Object.prototype.toString.call(method).includes('Generator')
}

for (const { name, prototype } of [Channels, Database, Reads, Snapshot, Writer])
  watch(name, prototype as object)
