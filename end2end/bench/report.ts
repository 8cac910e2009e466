// Prints what the bench found, one line a figure, with its method.

import type { Reporter, TestCase, TestResult } from '@playwright/test/reporter';

export default class Report implements Reporter {
  private failed = 0;

  onStdOut(chunk: string | Buffer): void {
    process.stdout.write(chunk);
  }

  onTestEnd(test: TestCase, result: TestResult): void {
    if (result.status === 'passed' || result.status === 'skipped') return;
    this.failed += 1;
    process.stdout.write(`${test.title}: not measured: ${result.error?.message ?? result.status}\n`);
  }

  onEnd(): void {
    process.stdout.write(this.failed ? `\n${this.failed} figures were not measured.\n` : '\n');
  }
}
