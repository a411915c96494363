// A scene as a PNG: drawn by our own hand, letters too, so that it looks the same on every machine. The
// encoder is loaded only here, by who wants a PNG. Called by `plot`.

import { Canvas } from './canvas.ts'
import { textStrokes, textWidth } from './letters.ts'
import { SMALL, TAIL_GAP } from './scene.ts'
import type { Scene, Text } from './scene.ts'
import type { Theme } from './theme.ts'
import { colourOf } from './theme.ts'

/** Thickness of strokes, as a share of the size of a text. */
const REGULAR = 0.085
const BOLD = 0.12

/**
 * The bytes of a PNG file.
 * @param scale pixels for each one of the scene, in both directions; at least 1
 */
export async function toPng(scene: Scene, theme: Theme, scale: number): Promise<Uint8Array> {
  const { encode } = await import('fast-png')
  const canvas = new Canvas(Math.round(scene.width * scale), Math.round(scene.height * scale), theme.paper)
  for (const shape of scene.shapes) {
    const colour = colourOf(theme, shape.role)
    if (shape.kind === 'text') {
      drawText(canvas, shape, scale, colour)
      if (shape.tail !== undefined)
        drawText(canvas, tailOf(shape, shape.tail), scale, colourOf(theme, 'muted'))
    } else {
      const strokes = shape.strokes.map((points) => points.map((value) => value * scale))
      canvas.stroke(strokes, shape.width * scale, colour)
    }
  }
  const { width, height, pixels } = canvas
  return encode({ width, height, data: pixels, channels: 3, depth: 8 }, { zlib: { level: 9 } })
}

function drawText(canvas: Canvas, shape: Text, scale: number, colour: string): void {
  const size = shape.size * scale
  const { text, anchor, isBold } = shape
  const before = { start: 0, middle: 0.5, end: 1 }[anchor] * textWidth(text, size, isBold)
  const strokes = textStrokes(text, size, isBold, shape.x * scale - before, shape.y * scale)
  canvas.stroke(strokes, Math.max(1, size * (isBold ? BOLD : REGULAR)), colour)
}

/** The tail of a text that begins at its `x`, as a text of its own. */
function tailOf({ x, y, text, size, isBold }: Text, tail: string): Text {
  const at = x + textWidth(text, size, isBold) + TAIL_GAP
  return { kind: 'text', x: at, y, text: tail, size: SMALL, role: 'muted', anchor: 'start', isBold: false }
}
