// What a decoder throws when bytes cannot be what an encoder wrote: too short, a count that cannot
// be true, text that is no UTF-8. It knows no file: whoever reads a file turns it into a
// CorruptionError that names the file and the absolute offset. It never leaves the package.

/** Bytes that no encoder of ours produced. `offset` is in bytes from the start of what was decoded. */
export class DecodeError extends Error {
  override name = 'DecodeError'
  readonly offset: number

  constructor(offset: number, what: string) {
    super(what)
    this.offset = offset
  }
}
