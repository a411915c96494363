// Who this process is, and whether another one still runs. `dead` is said only where it is certain: the
// lease of a dead process is taken over without asking (S6). Linux tells everything through /proc; other
// platforms leave fields empty, and the answer is then the more careful one. Called by local-lease.ts.

import { hostname, uptime } from 'node:os'
import { readLink, readSmallFile } from '../fs/host-files.ts'
import type { Identity, Liveness } from './lease.ts'

/** What can be learnt about a process of this machine. */
export interface ProcessView {
  /** Whether the id is taken at all. */
  readonly exists: boolean
  /** As in `Identity`; undefined where it cannot be read. */
  readonly startTime?: string | undefined
  /** It has ended and waits only for its parent to notice. */
  readonly hasEnded?: boolean
}

/** How far two instants of boot that were derived from clocks may lie apart and mean the same, in seconds. */
const BOOT_TOLERANCE_SECONDS = 300

/**
 * This process.
 * @param wallClockMs now, in milliseconds since 1970: dates the boot on platforms that do not name it.
 */
export function readIdentity(wallClockMs: number): Identity {
  const bootId = readSmallFile('/proc/sys/kernel/random/boot_id')?.trim()
  return {
    host: hostname(),
    bootId: bootId ?? `~${Math.round(wallClockMs / 1000 - uptime())}`,
    pidNamespace: readLink('/proc/self/ns/pid') ?? '',
    pid: process.pid,
    startTime: parseStat(readSmallFile('/proc/self/stat'))?.startTime ?? '',
  }
}

/**
 * Whether `holder` still runs, as far as `own`, this process, can tell.
 * @param view looks a process id up; another one only in tests.
 */
export function isAlive(
  holder: Identity,
  own: Identity,
  view: (pid: number) => ProcessView = viewProcess,
): Liveness {
  if (holder.host !== own.host) return 'unknown'
  const boot = compareBoots(holder.bootId, own.bootId)
  if (boot === 'other') return 'dead'
  if (holder.pidNamespace !== own.pidNamespace) return 'unknown'
  const { exists, startTime, hasEnded } = view(holder.pid)
  if (!exists || hasEnded === true) return 'dead'
  if (holder.startTime !== '' && startTime !== undefined && startTime !== holder.startTime) return 'dead'
  return boot === 'same' ? 'alive' : 'unknown'
}

/** Looks a process id of this namespace up. */
export function viewProcess(pid: number): ProcessView {
  try {
    process.kill(pid, 0)
  } catch (error) {
    // EPERM: it is there, and somebody else's.
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return { exists: false }
  }
  return { exists: true, ...parseStat(readSmallFile(`/proc/${pid}/stat`)) }
}

// /proc/<pid>/stat: the name in parentheses may hold anything, so fields count from the last of them.
function parseStat(stat: string | undefined): { startTime: string; hasEnded: boolean } | undefined {
  if (stat === undefined) return undefined
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [state, threads, startTime] = [fields[0], fields[17], fields[19]]
  if (startTime === undefined || startTime === '') return undefined
  // While other threads of an ended leader run, a write of theirs may still be under way.
  return { startTime, hasEnded: (state === 'Z' || state === 'X') && Number(threads) <= 1 }
}

function compareBoots(a: string, b: string): 'same' | 'other' | 'unclear' {
  if (a === b) return 'same'
  if (a === '' || b === '') return 'unclear'
  if (!a.startsWith('~') && !b.startsWith('~')) return 'other'
  // A clock that was set moves a derived instant, so a difference proves nothing.
  return Math.abs(Number(a.slice(1)) - Number(b.slice(1))) <= BOOT_TOLERANCE_SECONDS ? 'same' : 'unclear'
}
