// Frames: what is sealed reads back, in its place only; what is cut or changed is told apart.

import { describe, expect, it } from 'vitest'
import { findFrame, FRAME_HEADER, frameSize, readFrame, sealFrame } from '../../../src/journal/frame.ts'

const SEED = 0xdead

/** A log of frames with payloads of these lengths, each byte its frame's number. */
function log(...lengths: number[]): { bytes: Uint8Array; offsets: number[] } {
  const bytes = new Uint8Array(lengths.reduce((sum, length) => sum + frameSize(length), 0)).fill(0xff)
  const offsets: number[] = []
  let at = 0
  lengths.forEach((length, i) => {
    offsets.push(at)
    bytes.fill(i + 1, at + FRAME_HEADER, at + FRAME_HEADER + length)
    at += sealFrame(bytes, at, 1 + (i % 2), length, SEED, at)
  })
  return { bytes, offsets }
}

describe('a frame', () => {
  it.each([0, 1, 7, 8, 9, 100])('of %i bytes reads back, padded to 8', (length) => {
    const { bytes, offsets } = log(3, length)
    const frame = readFrame(bytes, offsets[1]!, SEED)
    expect(frame).toMatchObject({ offset: offsets[1], kind: 2, length: frameSize(length) })
    expect(frameSize(length) % 8).toBe(0)
    expect([...(frame as { payload: Uint8Array }).payload]).toEqual(Array.from({ length }, () => 2))
  })

  it('is believed in its place of its file only', () => {
    const { bytes, offsets } = log(8, 8)
    expect(readFrame(bytes, offsets[1]!, SEED + 1)).toBe('damaged')
    const moved = bytes.slice(offsets[1])
    expect(readFrame(moved, 0, SEED)).toBe('damaged')
    expect(readFrame(moved, 0, SEED, offsets[1])).toMatchObject({ kind: 2 })
  })

  it('is damaged by any flipped bit, or seems cut where its length grew', () => {
    const { bytes } = log(5, 40)
    for (let i = 0; i < frameSize(5); i++) {
      for (const mask of [1, 128]) {
        const copy = bytes.slice()
        copy[i]! ^= mask
        expect(['damaged', 'short']).toContain(readFrame(copy, 0, SEED))
      }
    }
  })

  it('that is cut anywhere is short, and nothing is the end', () => {
    const { bytes } = log(20)
    for (let length = 1; length < bytes.length; length++) {
      expect(readFrame(bytes.subarray(0, length), 0, SEED)).toBe('short')
    }
    expect(readFrame(bytes, bytes.length, SEED)).toBe('end')
  })

  it('of zeroes is damage, not an empty frame', () => {
    expect(readFrame(new Uint8Array(64), 0, SEED)).toBe('damaged')
  })
})

describe('findFrame', () => {
  it('finds the first sound frame behind damage', () => {
    const { bytes, offsets } = log(5, 40, 9)
    bytes[offsets[1]! + 20]! ^= 1
    expect(findFrame(bytes, 0, SEED)?.offset).toBe(offsets[2])
    bytes[offsets[2]! + 20]! ^= 1
    expect(findFrame(bytes, 0, SEED)).toBeUndefined()
  })
})
