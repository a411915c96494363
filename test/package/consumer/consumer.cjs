// The same from CommonJS, by `require()` of the ESM package. Run by `../check.mjs`.

const assert = require('node:assert/strict')
const { ValidationError, open } = require('rubidium')

async function main() {
  const database = await open(process.argv[2])
  await assert.rejects(database.openWriter([]), ValidationError)
  await database.close()
}

main().catch((error) => {
  console.error(error)
  process.exitCode = 1
})
