// What is drawn: braille dots, SVG, PNG.

import { decode } from 'fast-png'
import { describe, expect, it } from 'vitest'
import { drawText } from '../../../../src/cli/plot/braille.ts'
import { Canvas } from '../../../../src/cli/plot/canvas.ts'
import { Columns, TimeGrid } from '../../../../src/cli/plot/columns.ts'
import { textStrokes, textWidth } from '../../../../src/cli/plot/letters.ts'
import { panelsOf } from '../../../../src/cli/plot/panels.ts'
import type { Panel } from '../../../../src/cli/plot/panels.ts'
import { toPng } from '../../../../src/cli/plot/png.ts'
import { drawScene } from '../../../../src/cli/plot/scene.ts'
import type { Scene } from '../../../../src/cli/plot/scene.ts'
import { toSvg } from '../../../../src/cli/plot/svg.ts'
import { DARK, LIGHT } from '../../../../src/cli/plot/theme.ts'
import { createPaint } from '../../../../src/cli/terminal.ts'
import { seconds } from '../../../../src/index.ts'

const grid = new TimeGrid(0n, seconds(10), 64)

/** A wave with one spike, and nothing in one stretch. */
function panels(name = 'wave', padding = 0): Panel[] {
  const columns = new Columns(grid, false)
  const kept = Array.from({ length: 1000 }, (_, i) => i).filter((i) => i < 600 || i >= 700)
  columns.add(
    BigInt64Array.from(kept, (i) => BigInt(i) * 10_000_000n),
    Float64Array.from(kept, (i) => (i === 333 ? 20 : 10 * Math.sin(i / 80))),
  )
  return panelsOf([{ name, unit: 'm/s', columns }], { isLogarithmic: false, padding }, 4)
}

function scene(name?: string, title?: string): Scene {
  return drawScene(panels(name, 0.06), grid, { width: 400, height: 150 }, title)
}

describe('braille', () => {
  it('shows the curve, its spike and its gap', () => {
    const lines = drawText(panels(), grid, { width: 41, height: 6 }, createPaint(false))
    expect(lines).toEqual([
      'wave [m/s]                      -10 to 20',
      '     20 ┤          ⢸',
      '        │          ⢸',
      '     10 ┤ ⣠⠞⠉⠉⠳⣄   ⢸      ⣠⠞⠁  ⣀',
      '      0 ┤⡼⠁    ⠈⢧⡀ ⢸     ⡴⠃    ⠈⢣⡀',
      '        │        ⠳⣄⢸   ⢀⠞⠁       ⠹⣄    ⢀⡞',
      '        │         ⠘⠾⣄⣀⠴⠋          ⠈⠣⣄⣀⡴⠋',
      '        └┴───────────────┴──────────────┴',
      '         00:00:00     00:00:05   00:00:10',
    ])
  })

  it('paints curves, and dims what is around them', () => {
    const text = drawText(panels(), grid, { width: 41, height: 6 }, createPaint(true)).join('\n')
    expect(text).toContain('\u001b[1mwave [m/s]\u001b[22m')
    expect(text).toContain('\u001b[36m')
  })

  it('lets no name steer the terminal', () => {
    const lines = drawText(panels('a\u001b[2Jb\n'), grid, { width: 41, height: 2 }, createPaint(false))
    expect(lines[0]).toMatch(/^a\ufffd\[2Jb\ufffd \[m\/s\]/)
  })

  it('fits the width', () => {
    for (const width of [40, 60, 100, 200]) {
      const lines = drawText(
        [...panels(), ...panels('other')],
        grid,
        { width, height: 5 },
        createPaint(false),
      )
      const widths = lines.map((line) => Array.from(line).length)
      expect(Math.max(...widths)).toBe(width)
    }
  })
})

describe('SVG', () => {
  it('is well-formed, whatever a channel is called', () => {
    const svg = toSvg(scene('a<b> & "c" \u0007\ud800', 'x > y'))
    expect(tagsOf(svg)).toBe('balanced')
    expect(svg).toContain('a&lt;b&gt; &amp; &quot;c&quot; \ufffd\ufffd')
    expect(svg).toContain('x &gt; y')
  })

  it('follows the reader between light and dark, or is what was asked for', () => {
    expect(toSvg(scene())).toContain('prefers-color-scheme: dark')
    const dark = toSvg(scene(), DARK)
    expect(dark).not.toContain('prefers-color-scheme')
    expect(dark).toContain(DARK.paper)
  })

  it('has no more points than columns need, and a move for each unbroken line', () => {
    const path = /class="curve0" stroke-width="1.5" d="([^"]*)"/.exec(toSvg(scene()))![1]!
    expect(path.match(/M/g)).toHaveLength(2)
    expect(path.match(/[MLHV]/g)!.length).toBeLessThan(4 * 64)
    const numbers = path.match(/-?[\d.]+/g)!.map(Number)
    expect(numbers.every((number) => number >= 0 && number <= 400)).toBe(true)
  })

  it('is the same for the same data', () => {
    expect(toSvg(scene())).toBe(toSvg(scene()))
  })
})

describe('PNG', () => {
  it('holds the picture in its size, on paper, with the curve in its colour', async () => {
    const picture = decode(await toPng(scene(), LIGHT, 1))
    const { width, height } = scene()
    expect([picture.width, picture.height, picture.channels, picture.depth]).toEqual([width, height, 3, 8])
    const colours = colourCounts(picture.data)
    expect(colours.get(LIGHT.paper)! / (width * height)).toBeGreaterThan(0.7)
    expect(colours.get(LIGHT.curves[0]!)).toBeGreaterThan(50)
    expect(colours.has(DARK.paper)).toBe(false)
  })

  it('can be sharper, and dark', async () => {
    const picture = decode(await toPng(scene(), DARK, 2))
    expect([picture.width, picture.height]).toEqual([2 * scene().width, 2 * scene().height])
    expect(colourCounts(picture.data).has(DARK.paper)).toBe(true)
  })
})

describe('canvas', () => {
  it('covers whole pixels of a line through their middles, and no others', () => {
    const canvas = new Canvas(6, 3, '#ffffff')
    canvas.stroke([[1.5, 1.5, 4.5, 1.5]], 1, '#000000')
    expect(greys(canvas)).toEqual(['ff ff ff ff ff ff', 'ff 00 00 00 00 ff', 'ff ff ff ff ff ff'])
  })

  it('covers half of two rows of pixels where a line runs between them', () => {
    const canvas = new Canvas(4, 2, '#ffffff')
    canvas.stroke([[-5, 1, 9, 1]], 1, '#000000')
    expect(greys(canvas)).toEqual(['7f 7f 7f 7f', '7f 7f 7f 7f'])
  })

  it('paints a pixel once, however often strokes cross', () => {
    const once = new Canvas(9, 9, '#ffffff')
    once.stroke([[0, 4, 9, 4]], 2, '#102030')
    const twice = new Canvas(9, 9, '#ffffff')
    twice.stroke([[0, 4, 9, 4, 0, 4]], 2, '#102030')
    expect(twice.pixels).toEqual(once.pixels)
  })

  it('leaves out what lies outside', () => {
    const canvas = new Canvas(2, 2, '#ffffff')
    canvas.stroke(
      [
        [-100, -100],
        [50, 50, 60, 90],
      ],
      3,
      '#000000',
    )
    expect(new Set(canvas.pixels)).toEqual(new Set([255]))
  })
})

describe('letters', () => {
  it('there is one for each printable character of ASCII, of its own', () => {
    const printable = Array.from({ length: 94 }, (_, i) => String.fromCodePoint(33 + i))
    const shapes = printable.map((character) => JSON.stringify(textStrokes(character, 10, false, 0, 0)))
    expect(new Set(shapes).size).toBe(94)
    for (const character of printable) expect(textWidth(character, 10, false)).toBeGreaterThan(0)
  })

  it('lie within the width that is said', () => {
    for (const text of ['Wg@ 0°', 'mm/s²', '{|}~']) {
      const xs = textStrokes(text, 20, true, 5, 0).flatMap((points) => points.filter((_, i) => i % 2 === 0))
      expect(Math.min(...xs)).toBeGreaterThan(4)
      expect(Math.max(...xs)).toBeLessThanOrEqual(5.5 + textWidth(text, 20, true))
    }
  })

  it('leave off accents that they do not have, and draw a box for what is unknown', () => {
    expect(textStrokes('é', 10, false, 0, 0)).toEqual(textStrokes('e', 10, false, 0, 0))
    expect(textStrokes('火', 10, false, 0, 0)).toEqual(textStrokes('木', 10, false, 0, 0))
    expect(textStrokes('火', 10, false, 0, 0)[0]).toHaveLength(10)
  })
})

/** Opening and closing tags against each other, and no loose angle bracket or ampersand. */
function tagsOf(text: string): string {
  const open: string[] = []
  const rest = text.replaceAll(
    /<(\/?)(\w+)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/g,
    (_, end, name, __, alone) => {
      if (end === '/') return open.pop() === name ? '' : '<'
      if (alone !== '/') open.push(name as string)
      return ''
    },
  )
  const isLoose = /[<>]|&(?!(?:amp|lt|gt|quot);)/.test(rest)
  return open.length === 0 && !isLoose ? 'balanced' : `not balanced: ${open.join()} ${rest}`
}

function colourCounts(data: ArrayLike<number>): Map<string, number> {
  const counts = new Map<string, number>()
  for (let i = 0; i < data.length; i += 3) {
    const colour = `#${[0, 1, 2].map((c) => data[i + c]!.toString(16).padStart(2, '0')).join('')}`
    counts.set(colour, (counts.get(colour) ?? 0) + 1)
  }
  return counts
}

function greys({ width, height, pixels }: Canvas): string[] {
  return Array.from({ length: height }, (_, y) =>
    Array.from({ length: width }, (__, x) => pixels[(y * width + x) * 3]!.toString(16).padStart(2, '0')).join(
      ' ',
    ),
  )
}
