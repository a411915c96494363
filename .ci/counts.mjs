// Turns the JSON report of a test run into the line "N passed, N failed". A test file that broke before its
// first test counts as one failure, and so does a run that failed with none (an error outside of all tests).
// Called by `.ci/run` with the report's path and the exit code of the run.

import { readFileSync } from 'node:fs'

const [file, status] = process.argv.slice(2)

function count() {
  let report
  try {
    report = JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return { passed: 0, failed: 1 }
  }
  const broken = report.testResults.filter(
    (suite) => suite.status === 'failed' && !suite.assertionResults.some((test) => test.status === 'failed'),
  )
  const failed = report.numFailedTests + broken.length
  return { passed: report.numPassedTests, failed: failed === 0 && status !== '0' ? 1 : failed }
}

const { passed, failed } = count()
process.stdout.write(`${passed} passed, ${failed} failed\n`)
