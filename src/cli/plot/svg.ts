// A scene as an SVG document, the same text for the same scene. Without a theme of its own it follows the
// reader's, light or dark, wherever style sheets may ask for it. Pure. Called by `plot`.

import { SMALL, TAIL_GAP } from './scene.ts'
import type { Role, Scene, Shape } from './scene.ts'
import type { Theme } from './theme.ts'
import { colourOf, DARK, LIGHT } from './theme.ts'

const FONT = `system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif`

/** @param theme follows the reader's if left out */
export function toSvg(scene: Scene, theme?: Theme): string {
  const { width, height, title, shapes } = scene
  const roles = [...new Set(shapes.map(({ role }) => role))].sort()
  const styles = [
    rulesOf(theme ?? LIGHT, roles),
    ...(theme === undefined ? [`@media (prefers-color-scheme: dark) { ${rulesOf(DARK, roles)} }`] : []),
  ]
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<style>`,
    `text { font-family: ${FONT}; font-variant-numeric: tabular-nums }`,
    `text, tspan, rect { fill: currentColor }`,
    `path { fill: none; stroke: currentColor; stroke-linecap: round; stroke-linejoin: round }`,
    ...styles,
    `</style>`,
    `<rect class="paper" width="${width}" height="${height}"/>`,
    ...shapes.flatMap(markupOf),
    `</svg>`,
    '',
  ].join('\n')
}

function rulesOf(theme: Theme, roles: readonly Role[]): string {
  const rules = roles.map((role) => `.${role} { color: ${colourOf(theme, role)} }`)
  return [`.paper { color: ${theme.paper} }`, ...rules].join(' ')
}

function markupOf(shape: Shape): string[] {
  if (shape.kind === 'strokes') {
    const path = shape.strokes.map(pathOf).join('')
    return path === '' ? [] : [`<path class="${shape.role}" stroke-width="${shape.width}" d="${path}"/>`]
  }
  const { x, y, text, size, role, anchor, isBold, tail } = shape
  const attributes = [
    `class="${role}" x="${x}" y="${y}" font-size="${size}"`,
    ...(anchor === 'start' ? [] : [`text-anchor="${anchor}"`]),
    ...(isBold ? ['font-weight="600"'] : []),
  ]
  const after =
    tail === undefined
      ? ''
      : `<tspan class="muted" dx="${TAIL_GAP}" font-size="${SMALL}" font-weight="400">${escaped(tail)}</tspan>`
  return [`<text ${attributes.join(' ')}>${escaped(text)}${after}</text>`]
}

/** Straight lines in the shortest form; a point alone is a line of no length, which its round ends show. */
function pathOf(points: readonly number[]): string {
  let path = `M${points[0]} ${points[1]}`
  if (points.length === 2) return `${path}h0`
  for (let i = 2; i < points.length; i += 2) {
    const [x, y] = [points[i]!, points[i + 1]!]
    if (x === points[i - 2]) path += `V${y}`
    else if (y === points[i - 1]) path += `H${x}`
    else path += `L${x} ${y}`
  }
  return path
}

/** Text of an element or attribute; what XML knows no way to say becomes a replacement character. */
function escaped(text: string): string {
  return (
    text
      // eslint-disable-next-line no-control-regex
      .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff\p{Surrogate}]/gu, '\ufffd')
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('"', '&quot;')
  )
}
