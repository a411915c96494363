// A terminal for tests of the command line: keeps what was written apart from what was noted, answers
// questions from a list, and is interrupted when a test says so. Called by the tests of cli/.

import { createPaint, PipeClosedError } from '../../src/cli/terminal.ts'
import type { Terminal } from '../../src/cli/terminal.ts'

/** What a test may set; everything has a default that suits a pipe. */
export interface FakeTerminalOptions {
  /** Default 100. */
  readonly columns?: number
  /** Default false: output is a pipe. */
  readonly isInteractive?: boolean
  /** Whether there are colours. Default false. */
  readonly colours?: boolean
  /** Answers to questions, in order; where there are no more, nobody can answer. */
  readonly answers?: readonly boolean[]
  /** Called with all output so far after each write; may interrupt. */
  readonly onWrite?: (terminal: FakeTerminal) => void
  /** Whether Ctrl-C comes before anything else. */
  readonly isInterrupted?: boolean
  /** The pipe is closed once this many characters were written. */
  readonly closesAfter?: number
}

/** A terminal that remembers. */
export interface FakeTerminal extends Terminal {
  /** All data written, as text. */
  readonly output: string
  /** All data written. */
  readonly bytes: Buffer
  /** Lines for the person. */
  readonly notes: string[]
  /** What progress showed, each line once it changed. */
  readonly progressLines: string[]
  /** Whether a progress line stands there. */
  readonly isShowingProgress: boolean
  /** What was asked. */
  readonly questions: string[]
  /** Ctrl-C. */
  interrupt(): void
}

export function fakeTerminal(options: FakeTerminalOptions = {}): FakeTerminal {
  const interrupted = new AbortController()
  const answers = [...(options.answers ?? [])]
  const chunks: Buffer[] = []
  let written = 0
  let isShowingProgress = false
  const terminal: FakeTerminal = {
    columns: options.columns ?? 100,
    isInteractive: options.isInteractive ?? false,
    paint: createPaint(options.colours ?? false),
    signal: interrupted.signal,
    notes: [],
    progressLines: [],
    questions: [],
    get output() {
      return terminal.bytes.toString()
    },
    get bytes() {
      return Buffer.concat(chunks)
    },
    get isShowingProgress() {
      return isShowingProgress
    },
    async write(text) {
      await Promise.resolve()
      if (options.closesAfter !== undefined && written >= options.closesAfter) throw new PipeClosedError()
      const chunk = Buffer.from(text as string)
      chunks.push(chunk)
      written += chunk.length
      options.onWrite?.(terminal)
    },
    note(line) {
      terminal.notes.push(line)
    },
    progress(line) {
      isShowingProgress = true
      if (terminal.progressLines.at(-1) !== line) terminal.progressLines.push(line)
    },
    endProgress() {
      isShowingProgress = false
    },
    async confirm(question) {
      await Promise.resolve()
      terminal.questions.push(question)
      return answers.shift()
    },
    interrupt() {
      interrupted.abort(new Error('Interrupted'))
    },
  }
  if (options.isInterrupted === true) terminal.interrupt()
  return terminal
}
