// A CSV file as batches of rows, gzipped or not, read from its beginning as often as is asked. Holds no
// more than a piece of the file at a time. Each row has the number of its line, whatever cells hold line
// ends, so that every error can name it. Called by the scan, and again by what writes.

import { pipeline } from 'node:stream'
import type { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { CsvError, Parser } from 'csv-parse'
import { firstBytesOfUserFile, readUserFile, sizeOfUserFile } from '../../fs/user-files.ts'
import type { UserFileStream } from '../../fs/user-files.ts'
import { CommandError } from '../command-error.ts'
import { guessDelimiter } from './delimiter.ts'

/** Rows of the file, in its order. */
export interface RowBatch {
  /** The cells of each row, without blanks around them. */
  readonly rows: readonly (readonly string[])[]
  /** The line on which each row begins, from 1. */
  readonly lines: readonly number[]
}

/** Text that is looked at to find out what the file is, in bytes. */
const HEAD_SIZE = 64 * 1024
/** Most characters of one row: past it a quote was left open, or it is no CSV. */
const ROW_LIMIT = 1024 * 1024
/** What unpacks hands over at a time; its default of 16 KiB costs a turn of the parser each. */
const UNPACKED_SIZE = 64 * 1024

const REASONS: Readonly<Record<string, string>> = {
  CSV_INVALID_CLOSING_QUOTE: 'a quoted cell goes on behind its closing quote',
  INVALID_OPENING_QUOTE: 'a quote stands in the middle of a cell that is not quoted',
  CSV_QUOTE_NOT_CLOSED: 'a quote is never closed',
  CSV_MAX_RECORD_SIZE: 'the row is longer than 1 MiB: was a quote left open?',
}

export class CsvFile {
  readonly path: string
  readonly delimiter: string
  readonly #size: number
  readonly #isPacked: boolean
  readonly #rowEnds: string[]
  #stream: UserFileStream | undefined

  private constructor(
    path: string,
    size: number,
    isPacked: boolean,
    delimiter: string,
    rowEnds: readonly string[],
  ) {
    this.path = path
    this.delimiter = delimiter
    this.#size = size
    this.#isPacked = isPacked
    this.#rowEnds = [...rowEnds]
  }

  /**
   * Looks at the beginning of a file. What is appended to it from now on is not read.
   * @param delimiter found out where left out
   * @throws CommandError where there is no such file, or it is empty or no text
   */
  static async open(path: string, delimiter?: string): Promise<CsvFile> {
    const size = await sizeOfUserFile(path).catch((error: unknown) => refuse(path, error))
    if (size === 0) throw new CommandError(`"${path}" is empty`)
    const magic = await firstBytesOfUserFile(path, 2).catch((error: unknown) => refuse(path, error))
    const isPacked = magic[0] === 0x1f && magic[1] === 0x8b
    const head = await headOf(path, size, isPacked)
    const text = head.toString()
    if (text.trim() === '') throw new CommandError(`"${path}" is empty`)
    if ((head[0] === 0xff && head[1] === 0xfe) || (head[0] === 0xfe && head[1] === 0xff))
      throw new CommandError(`"${path}" is in UTF-16: convert it to UTF-8 first`)
    if (head.includes(0))
      throw new CommandError(`"${path}" is no text: import reads CSV files, gzipped or not`)
    const found = delimiter ?? guessDelimiter(text, head.length < HEAD_SIZE)
    return new CsvFile(path, size, isPacked, found, text.includes('\n') ? ['\r\n', '\n'] : ['\r'])
  }

  /** The part of the file that the newest batches have read, 0 to 1. */
  get done(): number {
    return Math.min(1, (this.#stream?.bytesRead ?? 0) / this.#size)
  }

  /**
   * The rows from the first line on; lines without any value are passed over.
   * @throws CommandError naming the line where the text is no CSV or the file ends too early
   */
  async *batches(): AsyncGenerator<RowBatch, void, undefined> {
    const collector = new RowCollector(this.delimiter, this.#rowEnds)
    this.#stream = readUserFile(this.path, this.#size)
    try {
      for await (const piece of unpacked(this.#stream, this.#isPacked)) {
        await collector.feed(piece as Buffer)
        if (collector.count > 0) yield collector.batch()
      }
      await collector.finish()
      if (collector.count > 0) yield collector.batch()
    } catch (error) {
      if (!(error instanceof CsvError)) refuse(this.path, error, collector.line)
      const reason = REASONS[error.code] ?? error.message
      throw new CommandError(`"${this.path}", line ${collector.line}: ${reason}`)
    } finally {
      this.#stream.destroy()
    }
  }
}

/**
 * The parser with its records kept together. What it pushes does not go through the stream one by one:
 * that, and the details that it would make for each record to tell its line, take longer than the parsing.
 */
class RowCollector extends Parser {
  #rows: string[][] = []
  #lines: number[] = []
  #lastLine = 0
  /** Line ends that the parser counts and no editor does: it takes CRLF in a quoted cell for two. */
  #surplus = 0

  constructor(delimiter: string, rowEnds: string[]) {
    super({
      bom: true,
      delimiter,
      record_delimiter: rowEnds,
      trim: true,
      skip_empty_lines: true,
      skip_records_with_empty_values: true,
      relax_column_count: true,
      max_record_size: ROW_LIMIT,
    })
    // Nobody reads from it: without this its end, and with it an error, would not come.
    this.resume()
    // Errors come to the callbacks too.
    this.on('error', () => {})
  }

  get count(): number {
    return this.#rows.length
  }

  /** The line on which the parser is. */
  get line(): number {
    return this.info.lines - this.#surplus
  }

  override push(row: string[] | null): boolean {
    if (row === null) return super.push(null)
    let line = this.info.lines - this.#surplus
    if (line - this.#lastLine > 1) line = this.#startOf(row, line)
    this.#lastLine = this.info.lines - this.#surplus
    this.#rows.push(row)
    this.#lines.push(line)
    return true
  }

  feed(piece: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.write(piece, (error) => (error ? reject(error) : resolve()))
    })
  }

  finish(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.once('error', reject)
      this.once('end', resolve)
      this.end()
    })
  }

  /** What was collected since the last time. */
  batch(): RowBatch {
    const batch = { rows: this.#rows, lines: this.#lines }
    this.#rows = []
    this.#lines = []
    return batch
  }

  /** The first line of a row that may have several, or may have empty ones before it. */
  #startOf(row: readonly string[], end: number): number {
    let inside = 0
    let doubled = 0
    for (const cell of row) {
      const breaks = cell.match(/\r\n|\n|\r/g)
      if (breaks === null) continue
      inside += breaks.length
      doubled += breaks.filter((text) => text.length === 2).length
    }
    this.#surplus += doubled
    return end - doubled - inside
  }
}

function unpacked(stream: UserFileStream, isPacked: boolean): Readable {
  if (!isPacked) return stream
  // Its end and its errors are those of the reading loop.
  return pipeline(stream, createGunzip({ chunkSize: UNPACKED_SIZE }), () => {})
}

async function headOf(path: string, size: number, isPacked: boolean): Promise<Buffer> {
  const pieces: Buffer[] = []
  let length = 0
  const stream = readUserFile(path, size)
  try {
    for await (const piece of unpacked(stream, isPacked)) {
      pieces.push(piece as Buffer)
      length += (piece as Buffer).length
      if (length >= HEAD_SIZE) break
    }
  } catch (error) {
    refuse(path, error, 1)
  } finally {
    stream.destroy()
  }
  return Buffer.concat(pieces).subarray(0, HEAD_SIZE)
}

/** Says what is wrong with the file in one line, with the line up to which it could be read. */
function refuse(path: string, error: unknown, line?: number): never {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  const where = line === undefined ? `"${path}"` : `"${path}", line ${line}`
  switch (code) {
    case 'ENOENT':
      throw new CommandError(`there is no file "${path}"`)
    case 'EISDIR':
    case 'EINVAL':
      throw new CommandError((error as Error).message)
    case 'Z_BUF_ERROR':
      throw new CommandError(`${where}: the gzipped data ends too early: the file was cut off`)
    case 'Z_DATA_ERROR':
      throw new CommandError(`${where}: the gzipped data is damaged (${(error as Error).message})`)
    default:
      throw error
  }
}
