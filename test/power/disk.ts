// A small real file system on a loop device whose power can be cut, made by `services/disk.sh` of the folder
// beside the project. Needs Linux, root, loop devices and the tools; where one of them is missing it says so.
// Called by power-rounds.ts, power.test.ts and power-soak.ts.

import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

export type DiskKind = 'ext4' | 'xfs'

export const DISK_KINDS: readonly DiskKind[] = ['ext4', 'xfs']

/** The smallest disks that the script makes, in MiB. */
const SIZES: Readonly<Record<DiskKind, number>> = { ext4: 64, xfs: 300 }

const SCRIPT = fileURLToPath(new URL('../../../shared/services/disk.sh', import.meta.url))
const PATHS = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/local/bin', '/usr/bin', '/bin']
const TOOLS = ['bash', 'mkfs.ext4', 'mkfs.xfs', 'xfs_io', 'mount']

const run = promisify(execFile)

/** Why there can be no such disk here; undefined where there can. Makes one to find out. */
export async function whyNoDisk(): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'it needs Linux'
  if (process.getuid?.() !== 0) return 'it needs root'
  if (!existsSync(SCRIPT)) return 'services/disk.sh is not there'
  if (!existsSync('/dev/loop-control')) return 'there are no loop devices'
  const missing = TOOLS.find((tool) => !PATHS.some((path) => existsSync(join(path, tool))))
  if (missing !== undefined) return `${missing} is not installed`
  try {
    const disk = await RealDisk.up('ext4', 'probe')
    await disk.down()
    return undefined
  } catch (error) {
    return `a disk cannot be made: ${(error as Error).message.split('\n')[0]}`
  }
}

export class RealDisk {
  readonly kind: DiskKind
  /** Where it is mounted. */
  readonly at: string
  readonly #env: NodeJS.ProcessEnv

  private constructor(kind: DiskKind, at: string, env: NodeJS.ProcessEnv) {
    this.kind = kind
    this.at = at
    this.#env = env
  }

  /** @param name of this process's disks, told apart by it */
  static async up(kind: DiskKind, name: string): Promise<RealDisk> {
    const path = [process.env['PATH'] ?? '', ...PATHS].join(':')
    const env = {
      ...process.env,
      PATH: path,
      FS: kind,
      MB: String(SIZES[kind]),
      NAME: `rubidium-${process.pid}-${name}`,
    }
    try {
      return new RealDisk(kind, await callScript(env, 'up'), env)
    } catch (error) {
      // What was made of it.
      await callScript(env, 'down').catch(() => {})
      throw error
    }
  }

  /** Cuts the power: what is not on the device is lost, open files fail from now on. */
  async cut(): Promise<void> {
    await run('xfs_io', ['-x', '-c', 'shutdown', this.at], { env: this.#env })
  }

  /**
   * Mounts what is left after a cut; nobody may have a file open there. Not by the script: it asks whether the
   * disk is mounted, and XFS does not answer when it was cut off.
   */
  async restore(): Promise<void> {
    const device = join(dirname(this.at), 'store', 'dev.img')
    await run('umount', [this.at], { env: this.#env })
    await run('mount', ['-o', 'loop', device, this.at], { env: this.#env })
  }

  /** Keeps what is on the device at this moment. */
  async freeze(image: string): Promise<void> {
    await callScript(this.#env, 'snap', image)
  }

  /** Mounts what was kept, in place of what was looked at before; returns the folder. */
  look(image: string): Promise<string> {
    return callScript(this.#env, 'look', image)
  }

  async down(): Promise<void> {
    // Here too the script does not see a disk that was cut off. One that is not mounted is no error.
    await run('umount', [this.at], { env: this.#env }).catch(() => {})
    await callScript(this.#env, 'down')
  }
}

async function callScript(env: NodeJS.ProcessEnv, ...args: readonly string[]): Promise<string> {
  const { stdout } = await run('bash', [SCRIPT, ...args], { env })
  return stdout.trim()
}
