// A user of the package in a project of its own: opens a database, writes, reads back.
// Run by `../check.mjs` inside a fresh project with the folder for the data as its argument.

import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { channel, open } from 'rubidium'
import * as imported from 'rubidium'

const required = createRequire(import.meta.url)('rubidium')
assert.equal(required.open, imported.open, 'import and require give the same package, not two copies')

const database = await open(process.argv[2], {
  channels: { time: channel.index(), pressure: channel.float64({ index: 'time', unit: 'bar' }) },
})
const writer = await database.openWriter(['time', 'pressure'])
await writer.write({ time: [1n, 2n, 3n], pressure: [1.5, 2.5, 3.5] })
await writer.close()
const frame = await database.read(['time', 'pressure'])
assert.deepEqual([...frame.column('pressure')], [1.5, 2.5, 3.5])
assert.deepEqual([...frame.column('time')], [1n, 2n, 3n])
await database.close()
