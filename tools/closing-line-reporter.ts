/**
 * Ends a test run's output with `N passed, N failed[, N skipped]` alone on a line, so that a script
 * reads one line to know how the run went. Counts what fails outside a test (an import, a hook, an
 * unhandled rejection) as a failure.
 */
import type { Reporter, TestModule } from 'vitest/node';

interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

function count(module: TestModule, tally: Tally): void {
  if (module.errors().length > 0) tally.failed++; // syntax or import error, failing file-level hook
  for (const suite of module.children.allSuites()) if (suite.errors().length > 0) tally.failed++;
  for (const test of module.children.allTests()) {
    const { state } = test.result();
    if (state === 'passed' || state === 'failed') tally[state]++;
    else tally.skipped++;
  }
}

export default class ClosingLineReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]): void {
    const tally: Tally = { passed: 0, failed: unhandled.length, skipped: 0 };
    for (const module of modules) count(module, tally);
    const skipped = tally.skipped > 0 ? `, ${tally.skipped} skipped` : '';
    const line = `${tally.passed} passed, ${tally.failed} failed${skipped}\n`;
    // after the summary and the coverage table
    process.once('exit', () => process.stdout.write(line));
  }
}
