// The colours of pictures, on light and on dark paper. Called by what writes SVG and PNG.

import type { Role } from './scene.ts'

/** A colour as `#rrggbb`. */
export type Colour = `#${string}`

/** What each role looks like. */
export interface Theme {
  readonly paper: Colour
  readonly ink: Colour
  readonly muted: Colour
  readonly axis: Colour
  readonly grid: Colour
  /** Of the curves, in turn. */
  readonly curves: readonly Colour[]
}

export const LIGHT: Theme = {
  paper: '#ffffff',
  ink: '#1f2328',
  muted: '#656d76',
  axis: '#afb8c1',
  grid: '#e9ecef',
  curves: ['#0969da', '#bc4c00', '#1a7f37', '#8250df', '#cf222e', '#1b7c83', '#bf3989', '#9a6700'],
}

export const DARK: Theme = {
  paper: '#0d1117',
  ink: '#e6edf3',
  muted: '#8d96a0',
  axis: '#484f58',
  grid: '#1f252d',
  curves: ['#58a6ff', '#f0883e', '#3fb950', '#bc8cff', '#ff7b72', '#39c5cf', '#f778ba', '#d29922'],
}

/** The colour of a role. */
export function colourOf(theme: Theme, role: Role): Colour {
  switch (role) {
    case 'ink':
    case 'muted':
    case 'axis':
    case 'grid':
      return theme[role]
    default:
      return theme.curves[Number(role.slice('curve'.length)) % theme.curves.length]!
  }
}
