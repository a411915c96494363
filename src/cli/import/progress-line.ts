// How far an import is, as a line in place: a bar, rows, their rate, and the time left. Shown some times a
// second, however often it is told. Called by the command.

import type { Clock } from '../../clock.ts'
import { duration, whole } from '../figures.ts'
import type { Terminal } from '../terminal.ts'
import type { ImportProgress } from './import-options.ts'

/** Between two lines, in milliseconds: an eye follows no more. */
const PAUSE_MS = 100
/** Before a rate says something, in milliseconds. */
const WARM_MS = 500
const BAR = 20
const STAGES: Readonly<Record<ImportProgress['stage'], string>> = {
  scan: 'reading',
  sort: 'sorting',
  write: 'writing',
}

export class ProgressLine {
  readonly #terminal: Terminal
  readonly #clock: Clock
  #stage: ImportProgress['stage'] | undefined
  #since = 0
  #shown = -Infinity

  constructor(terminal: Terminal, clock: Clock) {
    this.#terminal = terminal
    this.#clock = clock
  }

  show(progress: ImportProgress): void {
    const now = this.#clock.monotonicMs()
    if (progress.stage !== this.#stage) {
      this.#stage = progress.stage
      this.#since = now
    } else if (now - this.#shown < PAUSE_MS) return
    this.#shown = now
    this.#terminal.progress(progressText(progress, now - this.#since))
  }
}

/** The line. @param elapsedMs since the stage began */
export function progressText({ stage, done, rows }: ImportProgress, elapsedMs: number): string {
  const part = Math.max(0, Math.min(1, done))
  const filled = Math.floor(part * BAR)
  const bar = `${'#'.repeat(filled)}${'-'.repeat(BAR - filled)}`
  const percent = String(Math.floor(part * 100)).padStart(3)
  const text = `${STAGES[stage]} [${bar}] ${percent} %  ${whole(rows)} rows`
  if (elapsedMs < WARM_MS || part === 0) return text
  const rate = Math.round(rows / (elapsedMs / 1000))
  const leftMs = Math.ceil(((elapsedMs / part) * (1 - part)) / 1000) * 1000
  const left = leftMs > 0 ? `  ${duration(BigInt(leftMs) * 1_000_000n)} left` : ''
  return `${text}  ${whole(rate)} rows/s${left}`
}
