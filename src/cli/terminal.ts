// The one door of the commands to the outside: what they print, ask and are told by Ctrl-C. Data goes to
// standard output and nothing else does: notes, progress and questions go to standard error, so that output
// pipes well. Without a terminal there is neither paint nor progress. Called by every command; tests pass
// a terminal of their own.

import { createInterface } from 'node:readline/promises'
import { printable } from './figures.ts'

type Painter = (text: string) => string

export type Paint = Readonly<Record<'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan', Painter>>

/** What a command may do to the outside. */
export interface Terminal {
  /** Columns of standard output; 80 where nobody says. */
  readonly columns: number
  /** Whether a person sees standard output: else output is for another program. */
  readonly isInteractive: boolean
  /** Colours for standard output; identities where they are not wanted. */
  readonly paint: Paint
  /** Aborted by Ctrl-C: a command stops at the next good place and leaves everything sound. */
  readonly signal: AbortSignal
  /**
   * Writes data to standard output, and waits while the reader is slow.
   * @throws PipeClosedError when nobody reads any more
   */
  write(text: string | Uint8Array): Promise<void>
  /** A line for the person, on standard error. */
  note(line: string): void
  /** Shows how far something is, in place, on standard error; nothing where that is no terminal. */
  progress(line: string): void
  /** Takes the progress line away. */
  endProgress(): void
  /** Asks on standard error for a yes; `undefined` where nobody can answer. */
  confirm(question: string): Promise<boolean | undefined>
}

/**
 * Who reads only the first lines has closed the pipe: there is nobody left to tell, and nothing went wrong.
 */
export class PipeClosedError extends Error {
  override readonly name = 'PipeClosedError'

  constructor() {
    super('Nobody reads the output any more')
  }
}

const wrap =
  (code: number, reset: number, isOn: boolean): Painter =>
  (text) =>
    isOn ? `\u001b[${code}m${text}\u001b[${reset}m` : text

/** Colours, or what leaves a text as it is. */
export function createPaint(isOn: boolean): Paint {
  return {
    bold: wrap(1, 22, isOn),
    dim: wrap(2, 22, isOn),
    red: wrap(31, 39, isOn),
    green: wrap(32, 39, isOn),
    yellow: wrap(33, 39, isOn),
    cyan: wrap(36, 39, isOn),
  }
}

/** What of a process makes its terminal. */
export type TerminalHost = Pick<NodeJS.Process, 'stdin' | 'stdout' | 'stderr' | 'env' | 'once' | 'exit'>

/** The terminal, or the pipes, of a process. Listens for Ctrl-C: the second one ends the process at once. */
export function processTerminal(host: TerminalHost = process): Terminal {
  const { stdin, stdout, stderr, env } = host
  const isDumb = env['TERM'] === 'dumb'
  const isInteractive = stdout.isTTY === true
  const showsProgress = stderr.isTTY === true && !isDumb
  const interrupted = new AbortController()
  host.once('SIGINT', () => {
    interrupted.abort(new Error('Interrupted'))
    host.once('SIGINT', () => host.exit(130))
  })
  host.once('SIGTERM', () => interrupted.abort(new Error('Interrupted')))
  let line = ''
  let isPipeClosed = false
  // Any other failure is told by the write that met it.
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') isPipeClosed = true
  })
  // Without a reader there is nobody to tell that there is none.
  stderr.on('error', () => {})
  const erase = (): void => {
    if (line !== '') stderr.write('\r\u001b[2K')
  }
  return {
    columns: stdout.columns || 80,
    isInteractive,
    paint: createPaint(isInteractive && !isDumb && (env['NO_COLOR'] ?? '') === ''),
    signal: interrupted.signal,
    async write(text) {
      if (isPipeClosed) throw new PipeClosedError()
      erase()
      await new Promise<void>((resolve, reject) => {
        stdout.write(text, (error) => {
          if (error === null || error === undefined) resolve()
          else if ((error as NodeJS.ErrnoException).code === 'EPIPE') reject(new PipeClosedError())
          else reject(error)
        })
      })
      if (line !== '') stderr.write(line)
    },
    note(text) {
      erase()
      stderr.write(`${text}\n`)
      if (line !== '') stderr.write(line)
    },
    progress(text) {
      if (!showsProgress) return
      erase()
      line = printable(text).slice(0, Math.max(20, (stderr.columns || 80) - 1))
      stderr.write(line)
    },
    endProgress() {
      erase()
      line = ''
    },
    async confirm(question) {
      if (stdin.isTTY !== true) return undefined
      interrupted.signal.throwIfAborted()
      const prompt = createInterface({ input: stdin, output: stderr })
      let isAnswered = false
      try {
        const answer = await new Promise<string>((resolve, reject) => {
          interrupted.signal.addEventListener('abort', () => reject(interrupted.signal.reason as Error))
          // While a line is read, Ctrl-C and Ctrl-D are keys: the one interrupts, the other is no answer.
          prompt.once('SIGINT', () => interrupted.abort(new Error('Interrupted')))
          prompt.once('close', () => resolve(''))
          prompt.question(`${question} [y/N] `).then(resolve, reject)
        })
        isAnswered = answer !== ''
        return /^\s*y(es)?\s*$/i.test(answer)
      } finally {
        // Who presses no Enter leaves the line unfinished.
        if (!isAnswered) stderr.write('\n')
        prompt.close()
      }
    },
  }
}
