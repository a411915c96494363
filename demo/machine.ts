// What the operating system says about this machine, read afresh at every tick: from /proc where there is
// one, from node:os elsewhere. A reading that a platform does not offer is undefined, and its channel is
// then not recorded. Files stay open and are read from their beginning, which makes /proc write them anew.

import { closeSync, openSync, readSync } from 'node:fs'
import { cpus, freemem, loadavg } from 'node:os'

/** Time that one core, or all of them, has spent since the machine started; in whatever unit, both alike. */
interface CoreTime {
  readonly busy: number
  readonly total: number
}

/** Bytes since the machine started. */
interface Traffic {
  readonly incoming: number
  readonly outgoing: number
}

/** Cores are judged over this many readings: /proc counts in steps of 10 ms, one tick shows nothing. */
const CPU_READINGS = 25

class ProcFile {
  readonly #descriptor: number
  #buffer = Buffer.alloc(16 * 1024)

  private constructor(descriptor: number) {
    this.#descriptor = descriptor
  }

  /** Undefined where there is no such file, or it may not be read. */
  static open(path: string): ProcFile | undefined {
    try {
      const file = new ProcFile(openSync(path, 'r'))
      file.read()
      return file
    } catch {
      return undefined
    }
  }

  read(): string {
    let length = 0
    for (;;) {
      const count = readSync(this.#descriptor, this.#buffer, length, this.#buffer.length - length, length)
      if (count === 0) return this.#buffer.toString('latin1', 0, length)
      length += count
      if (length === this.#buffer.length) this.#buffer = Buffer.concat([this.#buffer], length * 2)
    }
  }

  close(): void {
    closeSync(this.#descriptor)
  }
}

/** The machine, as of the last `look`. */
export class Machine {
  readonly #stat: ProcFile | undefined = ProcFile.open('/proc/stat')
  readonly #memory: ProcFile | undefined = ProcFile.open('/proc/meminfo')
  readonly #disks: ProcFile | undefined = ProcFile.open('/proc/diskstats')
  readonly #network: ProcFile | undefined = ProcFile.open('/proc/net/dev')
  readonly #temperature: ProcFile | undefined = ProcFile.open('/sys/class/thermal/thermal_zone0/temp')
  #cores: readonly CoreTime[][] = []
  #shares: readonly number[] = []

  /** All cores together, then each: percent of the last 250 ms in which they were busy. */
  get cpu(): readonly number[] {
    return this.#shares
  }

  /** Switches from one thread to another since the machine started. */
  switches: number | undefined
  /** Processes that could run just now. */
  running: number | undefined
  /** Bytes that programs could still have. */
  available = 0
  /** Bytes of memory swapped out. */
  swapped: number | undefined
  /** Processes that ran or waited, averaged over a minute. Windows does not know it. */
  load: number | undefined
  disk: Traffic | undefined
  network: Traffic | undefined
  /** Degrees Celsius. */
  temperature: number | undefined

  constructor() {
    this.look()
    this.lookAround()
  }

  /** What changes fast: cores and memory. */
  look(): void {
    const stat = this.#stat?.read()
    this.#takeCores(stat === undefined ? coresOfNode() : coresOf(stat))
    this.switches = stat === undefined ? undefined : field(stat, 'ctxt')
    this.running = stat === undefined ? undefined : field(stat, 'procs_running')
    const memory = this.#memory?.read()
    this.available = (memory === undefined ? undefined : kibibytes(memory, 'MemAvailable')) ?? freemem()
    const swap = memory === undefined ? undefined : kibibytes(memory, 'SwapTotal')
    this.swapped = swap === undefined ? undefined : swap - (kibibytes(memory!, 'SwapFree') ?? swap)
  }

  /** What changes slowly: load, disks, network, temperature. */
  lookAround(): void {
    this.load = process.platform === 'win32' ? undefined : loadavg()[0]
    this.disk = this.#disks === undefined ? undefined : diskTraffic(this.#disks.read())
    this.network = this.#network === undefined ? undefined : networkTraffic(this.#network.read())
    try {
      this.temperature = this.#temperature === undefined ? undefined : Number(this.#temperature.read()) / 1000
    } catch {
      // A sensor may refuse one reading: the last one stands.
    }
  }

  close(): void {
    for (const file of [this.#stat, this.#memory, this.#disks, this.#network, this.#temperature])
      file?.close()
  }

  #takeCores(cores: CoreTime[]): void {
    this.#cores = [...this.#cores.slice(-CPU_READINGS), cores]
    const oldest = this.#cores[0]!
    this.#shares = cores.map(({ busy, total }, i) => {
      const before = oldest[i] ?? { busy, total }
      const passed = total - before.total
      return passed > 0
        ? Math.min(100, Math.max(0, (100 * (busy - before.busy)) / passed))
        : (this.#shares[i] ?? 0)
    })
  }
}

/** Lines `cpu  user nice system idle iowait irq softirq steal ...` of /proc/stat. */
function coresOf(stat: string): CoreTime[] {
  return stat
    .split('\n')
    .filter((line) => line.startsWith('cpu'))
    .map((line) => {
      const [user, nice, system, idle, iowait, irq, softirq, steal] = line.split(/\s+/).slice(1).map(Number)
      const busy = user! + nice! + system! + (irq ?? 0) + (softirq ?? 0) + (steal ?? 0)
      return { busy, total: busy + idle! + (iowait ?? 0) }
    })
}

function coresOfNode(): CoreTime[] {
  const cores = cpus().map(({ times }) => {
    const busy = times.user + times.nice + times.sys + times.irq
    return { busy, total: busy + times.idle }
  })
  const sum = (of: (core: CoreTime) => number): number => cores.reduce((all, core) => all + of(core), 0)
  return [{ busy: sum((core) => core.busy), total: sum((core) => core.total) }, ...cores]
}

function field(text: string, name: string): number | undefined {
  const found = new RegExp(`^${name}:?\\s+(\\d+)`, 'm').exec(text)?.[1]
  return found === undefined ? undefined : Number(found)
}

function kibibytes(memory: string, name: string): number | undefined {
  const found = field(memory, name)
  return found === undefined ? undefined : found * 1024
}

/** Whole disks only: partitions, loop devices and what is mapped onto disks would count twice. */
function diskTraffic(text: string): Traffic {
  const SECTOR = 512
  let incoming = 0
  let outgoing = 0
  for (const line of text.split('\n')) {
    const fields = line.trim().split(/\s+/)
    if (!/^([svx]v?d[a-z]+|nvme\d+n\d+|mmcblk\d+)$/.test(fields[2] ?? '')) continue
    incoming += Number(fields[5]) * SECTOR
    outgoing += Number(fields[9]) * SECTOR
  }
  return { incoming, outgoing }
}

function networkTraffic(text: string): Traffic {
  let incoming = 0
  let outgoing = 0
  for (const line of text.split('\n').slice(2)) {
    const fields = line.trim().split(/[\s:]+/)
    if (fields.length < 10 || fields[0] === 'lo') continue
    incoming += Number(fields[1])
    outgoing += Number(fields[9])
  }
  return { incoming, outgoing }
}
