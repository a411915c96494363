// A process that runs a command line and says, a line each time, that it is at writing rows: so that a test
// can kill it there.

import { main } from '../../../../src/cli/main.ts'
import { fakeTerminal } from '../../../support/fake-terminal.ts'

const terminal = fakeTerminal()
terminal.progress = (line) => {
  if (line.startsWith('writing')) process.stdout.write('writing\n')
}
process.exitCode = await main(process.argv.slice(2), terminal)
