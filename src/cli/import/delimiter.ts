// Which character stands between the cells, from the first lines of a file. Pure. Called where a file is
// opened.

/** What is looked for, the likeliest first: it wins where several fit. */
const CANDIDATES = [',', ';', '\t', '|']
const LINES = 50

/** Names for people. */
const NAMES: Readonly<Record<string, string>> = {
  ',': 'commas',
  ';': 'semicolons',
  '\t': 'tabs',
  '|': 'bars',
}

/** A delimiter in words, in the plural. */
export function delimiterName(delimiter: string): string {
  return NAMES[delimiter] ?? `"${delimiter}"`
}

/**
 * The delimiter of a text: the one of which most lines have as many as the first, and of those the one
 * that is there most often. A comma where there is none at all: the file has one column.
 * @param isWhole whether the text ends where the file does; else its last line may be torn and does not count
 */
export function guessDelimiter(text: string, isWhole: boolean): string {
  const lines = linesOf(text, isWhole)
  let best = CANDIDATES[0]!
  let bestScore = 0
  for (const candidate of CANDIDATES) {
    const counts = lines.map((line) => countOf(line, candidate))
    const first = counts[0] ?? 0
    if (first === 0) continue
    const alike = counts.filter((count) => count === first).length / counts.length
    // A file of European numbers has more commas than semicolons, but not in every line alike.
    const score = alike * 1000 + Math.min(first, 999)
    if (score > bestScore) [best, bestScore] = [candidate, score]
  }
  return best
}

/** The first lines that are not blank, each without what is quoted: it counts for nothing. */
function linesOf(text: string, isWhole: boolean): string[] {
  // Something stays in its place: a line of nothing but tabs would be a blank one.
  const plain = text.replaceAll(/"(?:[^"]|"")*"/g, '.')
  const lines = plain.split(/\r\n|\n|\r/)
  if (!isWhole && lines.length > 1) lines.pop()
  return lines.filter((line) => line.trim() !== '').slice(0, LINES)
}

function countOf(line: string, character: string): number {
  return line.split(character).length - 1
}
