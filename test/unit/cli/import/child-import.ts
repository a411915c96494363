// A process that runs a command line and says, a line each time, that it is at writing rows, so that a test
// can kill it there. The first argument is `stand` where it is to stand still then until it is killed.

import { main } from '../../../../src/cli/main.ts'
import { fakeTerminal } from '../../../support/fake-terminal.ts'

const [manner, ...words] = process.argv.slice(2)
const terminal = fakeTerminal()
terminal.progress = (line) => {
  if (!line.startsWith('writing')) return
  process.stdout.write('writing\n')
  if (manner === 'stand') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
}
process.exitCode = await main(words, terminal)
