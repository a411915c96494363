// The terminal of a process: what goes where, paint and progress, questions, closed pipes, interruptions.

import { EventEmitter } from 'node:events'
import { PassThrough, Writable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { createPaint, PipeClosedError, processTerminal } from '../../../src/cli/terminal.ts'
import type { Terminal, TerminalHost } from '../../../src/cli/terminal.ts'

interface Setting {
  readonly out?: boolean
  readonly err?: boolean
  readonly in?: boolean
  readonly env?: NodeJS.ProcessEnv
  readonly columns?: number
  /** What writes to standard output meet. */
  readonly failure?: NodeJS.ErrnoException
}

interface Host {
  readonly terminal: Terminal
  readonly input: PassThrough
  readonly signals: EventEmitter
  readonly exits: number[]
  readonly output: () => string
  readonly errors: () => string
}

/** A process that is none, with terminals or pipes as the setting says. */
function host(setting: Setting = {}): Host {
  const written = { out: '', err: '' }
  const sink = (which: 'out' | 'err'): Writable =>
    Object.assign(
      new Writable({
        decodeStrings: false,
        write(chunk: string, _encoding, done) {
          if (which === 'out' && setting.failure !== undefined) return done(setting.failure)
          written[which] += chunk
          done()
        },
      }),
      { isTTY: setting[which] ?? false, columns: setting.columns },
    )
  const input = Object.assign(new PassThrough(), { isTTY: setting.in ?? false })
  const signals = new EventEmitter()
  const exits: number[] = []
  const terminal = processTerminal({
    stdin: input,
    stdout: sink('out'),
    stderr: sink('err'),
    env: setting.env ?? {},
    once: signals.once.bind(signals),
    exit: (code: number) => exits.push(code),
  } as unknown as TerminalHost)
  return { terminal, input, signals, exits, output: () => written.out, errors: () => written.err }
}

describe('paint', () => {
  it('is there on a terminal, and nowhere else', () => {
    expect(host({ out: true }).terminal.paint.red('x')).toBe('\u001b[31mx\u001b[39m')
    expect(host().terminal.paint.red('x')).toBe('x')
    expect(host({ err: true, in: true }).terminal.paint.bold('x')).toBe('x')
  })

  it('is not there with NO_COLOR, unless that is empty, or on a dumb terminal', () => {
    expect(host({ out: true, env: { NO_COLOR: '1' } }).terminal.paint.red('x')).toBe('x')
    expect(host({ out: true, env: { NO_COLOR: '' } }).terminal.paint.red('x')).not.toBe('x')
    expect(host({ out: true, env: { TERM: 'dumb' } }).terminal.paint.red('x')).toBe('x')
  })

  it('leaves texts as they are where it is off', () => {
    const { bold, dim, red, green, yellow, cyan } = createPaint(false)
    expect([bold, dim, red, green, yellow, cyan].map((painter) => painter('x')).join('')).toBe('xxxxxx')
  })
})

describe('output', () => {
  it('has the data alone, and the other stream what is for the person', async () => {
    const { terminal, output, errors } = host()
    await terminal.write('data\n')
    terminal.note('a note')
    expect([output(), errors()]).toEqual(['data\n', 'a note\n'])
  })

  it('has the columns of the terminal, or 80', () => {
    expect(host({ columns: 120 }).terminal.columns).toBe(120)
    expect(host().terminal.columns).toBe(80)
  })

  it('that nobody reads is told as such, by the next write too', async () => {
    const { terminal } = host({ failure: Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }) })
    await expect(terminal.write('x')).rejects.toBeInstanceOf(PipeClosedError)
    await expect(terminal.write('x')).rejects.toBeInstanceOf(PipeClosedError)
  })

  it('that a disk does not take is told as the system tells it', async () => {
    const failure = Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC', syscall: 'write' })
    await expect(host({ failure }).terminal.write('x')).rejects.toBe(failure)
  })
})

describe('progress', () => {
  it('stands in place, makes room for lines, and goes away', async () => {
    const { terminal, errors, output } = host({ err: true })
    terminal.progress('one')
    terminal.progress('two\u001b')
    terminal.note('note')
    await terminal.write('data\n')
    terminal.endProgress()
    terminal.endProgress()
    const erase = '\r\u001b[2K'
    const two = String.raw`two\u{1b}`
    expect(errors()).toBe(`one${erase}${two}${erase}note\n${two}${erase}${two}${erase}`)
    expect(output()).toBe('data\n')
  })

  it('takes one line at most', () => {
    const { terminal, errors } = host({ err: true, columns: 30 })
    terminal.progress('x'.repeat(100))
    expect(errors()).toBe('x'.repeat(29))
  })

  it('is not there where nobody would see it in place', () => {
    for (const setting of [{}, { out: true }, { err: true, env: { TERM: 'dumb' } }]) {
      const { terminal, errors } = host(setting)
      terminal.progress('one')
      terminal.endProgress()
      expect(errors()).toBe('')
    }
  })
})

describe('a question', () => {
  it.each([
    ['y\n', true],
    [' YES \n', true],
    ['n\n', false],
    ['\n', false],
    ['yesterday\n', false],
  ])('answered %j is %j', async (answer, expected) => {
    const { terminal, input, errors } = host({ in: true, err: true })
    const asked = terminal.confirm('Sure?')
    input.write(answer)
    expect(await asked).toBe(expected)
    expect(errors()).toContain('Sure? [y/N] ')
  })

  it('is not asked where nobody can answer', async () => {
    const { terminal, errors } = host()
    expect(await terminal.confirm('Sure?')).toBeUndefined()
    expect(errors()).toBe('')
  })

  it('whose answer never comes is a no', async () => {
    const { terminal, input } = host({ in: true })
    const asked = terminal.confirm('Sure?')
    input.end()
    expect(await asked).toBe(false)
  })

  it('ends when the process is interrupted', async () => {
    const { terminal, signals } = host({ in: true })
    const asked = terminal.confirm('Sure?')
    signals.emit('SIGINT')
    await expect(asked).rejects.toBe(terminal.signal.reason)
    await expect(terminal.confirm('Sure?')).rejects.toBe(terminal.signal.reason)
  })
})

describe('an interruption', () => {
  it('aborts the signal, and a second one ends the process', () => {
    const { terminal, signals, exits } = host()
    expect(terminal.signal.aborted).toBe(false)
    signals.emit('SIGINT')
    expect([terminal.signal.aborted, exits]).toEqual([true, []])
    signals.emit('SIGINT')
    expect(exits).toEqual([130])
  })

  it('comes as a request to end, too', () => {
    const { terminal, signals } = host()
    signals.emit('SIGTERM')
    expect(terminal.signal.aborted).toBe(true)
  })
})
