// Opening beside a process that writes: register with pin 0, then read, then give up what nobody needs any
// more (S2). Where nothing may be written it goes on unregistered: then every segment is opened at once,
// since descriptors keep the bytes of files that are removed. Writes nothing but its registration.

import { accountFor, makePool, accountsOf } from './assemble.ts'
import { Engine } from '../engine.ts'
import type { Environment } from '../environment.ts'
import { loadAnew } from './load-anew.ts'
import type { ResolvedOptions } from '../options.ts'
import { openDescriptors, Reader, register } from '../reader.ts'

/** Opens a directory that holds a database. @throws as `openEngine` */
export async function openToRead(
  environment: Environment,
  directory: string,
  options: ResolvedOptions,
): Promise<Engine> {
  const registration = await register(environment, directory)
  try {
    return await loadAnew(environment, directory, async ({ state, isAtRest, isPartial }, mayRetry) => {
      const { databaseId, epoch } = state
      const segments = makePool(environment, directory, options, { databaseId, epoch })
      try {
        const recovery = isAtRest ? state.report : undefined
        const parts = { environment, directory, options, segments, lease: undefined, ...state, recovery }
        const engine = new Engine(parts)
        accountFor(engine, await accountsOf(engine, engine))
        if (registration === undefined) openDescriptors(segments, state, mayRetry)
        engine.reader = new Reader(engine, registration, { state, isPartial })
        return engine
      } catch (error) {
        segments.close()
        throw error
      }
    })
  } catch (error) {
    await registration?.remove()
    throw error
  }
}
