// Refusals, for contract tests: a call rejects (or throws) with the contract's error, carries what it
// names, and leaves everything as it was: channels, samples, domains, open resources, the log.

import { expect } from 'vitest'
import type { Schema } from '../../src/channel/schema.ts'
import type { Database } from '../../src/index.ts'
import { RubidiumError } from '../../src/errors.ts'

/** A class of errors, whatever its constructor takes. */
export type ErrorClass<E extends RubidiumError> = abstract new (...args: never[]) => E

/** What is not meant to compile, passed all the same. */
export function wrong(value: unknown): never {
  return value as never
}

/** The error that a call rejects with, or throws. */
export async function errorOf(call: () => unknown): Promise<unknown> {
  try {
    await call()
  } catch (error) {
    return error
  }
  throw new Error('The call was to be refused, and was not')
}

/** Checks the error of a call alone. */
export async function expectError<E extends RubidiumError>(
  call: () => unknown,
  type: ErrorClass<E>,
  details: Partial<E> = {},
): Promise<E> {
  const error = await errorOf(call)
  expect(error).toBeInstanceOf(type)
  expect(error).toBeInstanceOf(RubidiumError)
  expect(error).toMatchObject({ name: type.name, ...details })
  expect((error as E).message.length).toBeGreaterThan(10)
  return error as E
}

/** Checks that a call is refused with an error of this class and these fields, and changes nothing. */
export async function expectRefused<E extends RubidiumError, S extends Schema>(
  db: Database<S>,
  call: () => unknown,
  type: ErrorClass<E>,
  details: Partial<E> = {},
): Promise<E> {
  const before = await contentsOf(db)
  const error = await expectError(call, type, details)
  expect(await contentsOf(db)).toEqual(before)
  return error
}

/** What users can see of a database: its channels with their samples and domains, and what is open. */
export async function contentsOf<S extends Schema>(db: Database<S>): Promise<object> {
  const names = db.channels.list().map((channel) => channel.name)
  const samples: [string, object][] = []
  for (const name of names) {
    const frame = await (db as unknown as Database).read(name, {}, { timestamps: true })
    const domains = frame.series(name).map((series) => series.timeRange)
    samples.push([name, { values: [...frame.column(name)], times: [...frame.timestamps(name)], domains }])
  }
  const { open, log, channels } = await db.stats()
  return { channels: db.channels.list(), samples, open, log, counts: channels }
}
