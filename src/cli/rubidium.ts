#!/usr/bin/env node
// The command that the package installs. Sets the exit code and lets the process end by itself, so that
// what is still on its way to a pipe arrives.

import { main } from './main.ts'
import { processTerminal } from './terminal.ts'

process.exitCode = await main(process.argv.slice(2), processTerminal())
// The terminal listens for signals and standard input may be open: neither keeps the process.
process.stdin.unref?.()
