// A CSV file as rows: each with the number of its line, whatever it is made of, and what is no CSV refused.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { CommandError } from '../../../../src/cli/command-error.ts'
import { CsvFile } from '../../../../src/cli/import/csv-file.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

function fileOf(content: string | Uint8Array): string {
  const path = join(temporaryDirectory(), 'some.csv')
  writeFileSync(path, content)
  return path
}

/** Rows as `line: cells`. */
async function read(content: string | Uint8Array, delimiter?: string): Promise<string[]> {
  const file = await CsvFile.open(fileOf(content), delimiter)
  const found: string[] = []
  for await (const { rows, lines } of file.batches())
    rows.forEach((row, i) => found.push(`${lines[i]}: ${row.join('/')}`))
  return found
}

/** Some bytes that take longer than one piece of the file. */
const MANY = Array.from({ length: 60_000 }, (_, i) => `${i},${i * 1.5}`).join('\n')

describe('rows', () => {
  it.each([
    ['a,b\n1,2\n', ['1: a/b', '2: 1/2']],
    ['a,b\r\n1,2', ['1: a/b', '2: 1/2']],
    ['a,b\r1,2\r', ['1: a/b', '2: 1/2']],
    ['a,b\n1,2\r\n3,4\n', ['1: a/b', '2: 1/2', '3: 3/4']],
    ['\uFEFFa,b\n1,2\n', ['1: a/b', '2: 1/2']],
    ['"\uFEFF",b\n', ['1: \uFEFF/b']],
    [' a , b\t\n 6, "x y" ,\n', ['1: a/b', '2: 6/x y/']],
    ['a\tb\tc\n1\t\t3\n\t2\t\n', ['1: a/b/c', '2: 1//3', '3: /2/']],
    ['"a ""b""";c\n1;2\n', ['1: a "b"/c', '2: 1/2']],
    ['a,b\n\n  \n,,\n1,2\n', ['1: a/b', '5: 1/2']],
    ['\n\na,b\n', ['3: a/b']],
    ['a,b\n1\n2,3,4\n', ['1: a/b', '2: 1', '3: 2/3/4']],
  ])('of %j', async (text, rows) => {
    expect(await read(text)).toEqual(rows)
  })

  it('have the line on which they begin, whatever line ends their cells hold', async () => {
    expect(await read('a,"x\ny",b\n1,2,3\n\n"\n\n",5,6\n7,8,9')).toEqual([
      '1: a/x\ny/b',
      '3: 1/2/3',
      '5: \n\n/5/6',
      '8: 7/8/9',
    ])
    expect(await read('a,"x\r\ny",b\r\n1,2,3\r\n"\r\n\r\n",5,6\r\n\r\n7,8,9')).toEqual([
      '1: a/x\r\ny/b',
      '3: 1/2/3',
      '4: \r\n\r\n/5/6',
      '8: 7/8/9',
    ])
  })

  it('come from a gzipped file, whatever its name', async () => {
    expect(await read(gzipSync('a,b\n1,2\n'))).toEqual(['1: a/b', '2: 1/2'])
    const rows = await read(gzipSync(MANY))
    expect([rows.length, rows.at(-1)]).toEqual([60_000, '60000: 59999/89998.5'])
  })

  it('of a large file come in batches, with how far it is', async () => {
    const file = await CsvFile.open(fileOf(MANY))
    const seen: number[] = []
    let count = 0
    for await (const { rows } of file.batches()) {
      count += rows.length
      seen.push(file.done)
    }
    expect(count).toBe(60_000)
    expect(seen.length).toBeGreaterThan(2)
    expect(seen).toEqual([...seen].sort((a, b) => a - b))
    expect(seen.at(-1)).toBe(1)
  })

  it('can be read again, and left in the middle', async () => {
    const file = await CsvFile.open(fileOf(MANY))
    for (let i = 0; i < 3; i++) {
      for await (const { rows } of file.batches()) {
        expect(rows[0]).toEqual(['0', '0'])
        break
      }
    }
  })

  it('end where the file ended when it was opened', async () => {
    const path = fileOf('a,b\n1,2\n')
    const file = await CsvFile.open(path)
    writeFileSync(path, '3,4\n', { flag: 'a' })
    const rows: unknown[] = []
    for await (const batch of file.batches()) rows.push(...batch.rows)
    expect(rows).toHaveLength(2)
  })
})

describe('what is refused', () => {
  it.each([
    ['nothing', '', /is empty/],
    ['blanks', ' \n \n', /is empty/],
    ['an empty gzip', gzipSync(''), /is empty/],
    ['UTF-16', Buffer.from('\uFEFFa,b\n', 'utf16le'), /is in UTF-16: convert it to UTF-8/],
    ['no text', Buffer.from([80, 75, 3, 4, 0, 0, 1]), /is no text: import reads CSV files/],
    ['text behind a quote', 'a,b\n1,2\n"1"x,2\n', /line 3: a quoted cell goes on behind its closing quote/],
    ['a quote within', 'a,b\n1,5"\n', /line 2: a quote stands in the middle of a cell/],
    ['an open quote', 'a,b\n1,"2\n3,4\n', /line \d: a quote is never closed/],
    [
      'an endless row',
      `a,b\n1,"${'x,\n'.repeat(500_000)}`,
      /the row is longer than 1 MiB: was a quote left open/,
    ],
    ['a cut gzip', gzipSync(MANY).subarray(0, 90_000), /line \d{4,}: the gzipped data ends too early/],
    ['a short gzip', gzipSync('a,b\n1,2\n').subarray(0, 12), /line 1: the gzipped data ends too early/],
    ['a damaged gzip', gzipSync(MANY).fill(0xff, 40_000, 41_000), /damaged/],
  ])('%s', async (_, content, message) => {
    const reading = read(content)
    await expect(reading).rejects.toThrow(CommandError)
    await expect(reading).rejects.toThrow(message)
  })

  it('no file, and no ordinary one', async () => {
    const directory = temporaryDirectory()
    await expect(CsvFile.open(join(directory, 'no.csv'))).rejects.toThrow(/there is no file ".*no\.csv"/)
    await expect(CsvFile.open(directory)).rejects.toThrow(/is a directory/)
    await expect(CsvFile.open('/dev/null')).rejects.toThrow(/is no ordinary file/)
  })
})
