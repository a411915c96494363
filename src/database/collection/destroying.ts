// What must be so before anything is destroyed (S2): the record that frees it is on the disk, and whoever may
// still need it was looked at after that. The one place where collections ask.

import type { Engine } from '../engine.ts'

/**
 * The oldest LSN that anybody may still need: what records up to it have freed, and are at most `lsn`, may
 * go.
 * @param lsn of the newest record that frees what is to be destroyed: on the disk when this resolves
 * @throws StorageError
 */
export async function oldestPinAfter(engine: Engine, lsn: number): Promise<number> {
  await engine.syncer.reach(lsn)
  return engine.oldestPin()
}
