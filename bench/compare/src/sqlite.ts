// better-sqlite3: a row a row of one table, the time its INTEGER PRIMARY KEY (and so the key of the tree
// itself). Write-ahead log; `handed over` is synchronous=NORMAL, `synced` is FULL. Prepared statements,
// values bound by position; 100 rows an INSERT in bulk, which is half as fast again as one.

import Database from 'better-sqlite3'
import { join } from 'node:path'
import type { Engine, Store, StoreOptions } from './engine.ts'

/** Rows of one INSERT; a frame has a multiple of it. */
const BATCH = 100

function openStore({ directory, channels, promised }: StoreOptions): Store {
  const db = new Database(join(directory, 'samples.db'))
  // For `reclaim`: VACUUM writes the whole file anew, which takes 20 times as long for the same size.
  db.pragma('auto_vacuum = INCREMENTAL')
  db.pragma('journal_mode = WAL')
  db.pragma(`synchronous = ${promised === 'synced' ? 'FULL' : 'NORMAL'}`)
  db.pragma('cache_size = -65536')
  db.pragma('mmap_size = 1073741824')
  db.pragma('temp_store = MEMORY')
  const names = ['time', ...channels]
  const columns = channels.map((name) => `${name} REAL NOT NULL`).join(', ')
  db.exec(`CREATE TABLE IF NOT EXISTS samples (time INTEGER PRIMARY KEY, ${columns})`)
  const row = `(${names.map(() => '?').join(', ')})`
  const insertRow = db.prepare(`INSERT INTO samples VALUES ${row}`)
  const batch = Math.min(BATCH, Math.floor(32_766 / names.length))
  const insertRows = db.prepare(
    `INSERT INTO samples VALUES ${Array.from({ length: batch }, () => row).join(', ')}`,
  )
  const insertFrame = db.transaction((times: BigInt64Array, columns: readonly Float64Array[]) => {
    for (let from = 0; from < times.length; from += batch) {
      let at = 0
      for (let i = from; i < from + batch; i++) {
        many[at++] = times[i]!
        for (let k = 0; k < columns.length; k++) many[at++] = columns[k]![i]!
      }
      insertRows.run(many)
    }
  })
  const one: (number | bigint)[] = names.map(() => 0)
  const many: (number | bigint)[] = Array.from({ length: batch * names.length }, () => 0)
  const reads = new Map<string, Database.Statement>()
  return {
    writeFrame(times, columns) {
      insertFrame(times, columns)
    },
    writeRow(object) {
      for (let i = 0; i < names.length; i++) one[i] = object[names[i]!]!
      insertRow.run(one)
    },
    writeTogether(rows) {
      for (const row of rows) this.writeRow(row)
    },
    read(read, start, end) {
      const list = read.join(', ')
      let statement = reads.get(list)
      if (statement === undefined) {
        statement = db.prepare(`SELECT ${list} FROM samples WHERE time >= ? AND time < ? ORDER BY time`).raw()
        reads.set(list, statement)
      }
      return statement.all(start, end)
    },
    columns: (rows: readonly (readonly number[])[]) =>
      Array.from({ length: rows[0]?.length ?? 0 }, (_, k) => rows.map((each) => each[k]!)),
    count(start, end) {
      const counted = db.prepare('SELECT count(*) FROM samples WHERE time >= ? AND time < ?').pluck()
      return counted.get(start, end) as number
    },
    delete(start, end) {
      db.prepare('DELETE FROM samples WHERE time >= ? AND time < ?').run(start, end)
    },
    reclaim() {
      db.pragma('incremental_vacuum')
      db.pragma('wal_checkpoint(TRUNCATE)')
    },
    close() {
      db.close()
    },
  }
}

/** better-sqlite3. */
export const sqlite: Engine = { title: 'better-sqlite3', open: openStore }
