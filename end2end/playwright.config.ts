import { defineConfig } from '@playwright/test';
import { existsSync } from 'node:fs';

// The shell is the same browser without its window: it takes a good part of the work less.
const places = ['chromium-headless-shell', 'chromium', 'chromium-browser', 'google-chrome'].map((name) => `/usr/bin/${name}`);
const browsers = [process.env.SLIPWAY_CHROMIUM, ...places];

export default defineConfig({
  testDir: 'tests',
  globalSetup: './world/begin.ts',
  workers: 1,
  retries: 0,
  forbidOnly: !!process.env.CI,
  // A story walks through many pages and waits for real engines.
  timeout: 300_000,
  expect: { timeout: 20_000 },
  reporter: [['list']],
  use: {
    locale: 'en-US',
    viewport: { width: 1440, height: 900 },
    actionTimeout: 20_000,
    navigationTimeout: 30_000,
    trace: 'retain-on-failure',
    screenshot: 'only-on-failure',
    launchOptions: {
      executablePath: browsers.find((path) => path && existsSync(path)),
      args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
    },
  },
});
