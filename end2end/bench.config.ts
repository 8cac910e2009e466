import base from './playwright.config';

export default {
  ...base,
  testDir: 'bench',
  outputDir: 'test-results/bench',
  timeout: 1_200_000,
  reporter: [['./bench/report.ts']],
  use: { ...base.use, trace: 'off' as const, screenshot: 'off' as const },
};
