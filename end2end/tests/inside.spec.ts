// An environment from inside: its logs are searched, its plots live, its processes and what happened
// are seen, and a tester types into a shell. And nobody else does.

import AxeBuilder from '@axe-core/playwright';
import { expect, test, type Page } from '@playwright/test';
import { Desk, live } from '../world/desk';
import { launch, openBuild } from '../world/steps';
import { world } from '../world/world';

test.describe.configure({ mode: 'serial' });

let environment = '';

test('a tester launches, searches the log and follows what comes', async ({ browser }) => {
  const desk = new Desk(browser, { scripts: true });
  const tester = await desk.of('tester');
  await openBuild(tester, 'latest');
  environment = await launch(desk, tester, 'shop');
  await tester.getByRole('link', { name: 'Logs', exact: true }).click();
  const log = tester.getByRole('log');
  await expect(log).toContainText('worker');
  const names = log.locator('.who');
  await expect(names.first()).toBeVisible();
  expect(new Set(await names.allInnerTexts()).size).toBeGreaterThan(1);
  await tester.getByLabel('Search the logs').fill('begins');
  await expect(log.locator('.l').first()).toContainText('begins');
  await expect(log.locator('.l', { hasNotText: 'begins' })).toHaveCount(0);
  await tester.getByLabel('Search the logs').press('Enter');
  await expect(tester.locator('.log-found')).toContainText(/\d+ of \d+ lines/);
  await expect(log.locator('mark').first()).toHaveText('begins');
  await tester.getByRole('link', { name: 'Times', exact: true }).click();
  await expect(log.locator('time.at').first()).toHaveText(/^\d\d:\d\d:\d\d\.\d{3} $/);
  const [file] = await Promise.all([tester.waitForEvent('download'), tester.getByRole('link', { name: 'Download' }).click()]);
  expect(file.suggestedFilename()).toMatch(/^E-\d+-all\.log$/);
  await desk.close();
});

test('without scripts the log is searched all the same', async ({ browser }) => {
  const desk = new Desk(browser, { scripts: false });
  const viewer = await desk.of('viewer');
  await viewer.goto(`${environment}?tab=logs`);
  await viewer.getByLabel('Search the logs').fill('BEGINS');
  await viewer.getByRole('button', { name: 'Search' }).click();
  await expect(viewer).toHaveURL(/q=BEGINS/);
  await expect(viewer.getByRole('log').locator('mark').first()).toHaveText('begins');
  await viewer.getByRole('navigation', { name: 'Services' }).getByRole('link', { name: 'worker', exact: true }).click();
  await expect(viewer.locator('.log-found')).toBeVisible();
  await desk.close();
});

test('plots move, processes are listed, the timeline tells of the start, the engine is quoted', async ({ browser }) => {
  const desk = new Desk(browser, { scripts: true });
  const viewer = await desk.of('viewer');
  await viewer.goto(`${environment}?tab=resources`);
  const line = viewer.locator('[data-plot="worker/memory"] .first');
  await expect(line).toHaveAttribute('d', /L/);
  const before = await line.getAttribute('d');
  await expect(line).not.toHaveAttribute('d', before!);
  await expect(viewer.locator('[data-plot="worker/memory"] .plot-words')).toHaveText(/\d.* [kM]B \/ \d+ MB/);
  await viewer.getByRole('link', { name: 'Processes', exact: true }).click();
  await expect(viewer.getByRole('heading', { name: 'worker', exact: true })).toBeVisible();
  await expect(viewer.locator('table.dense').first()).toContainText('PID');
  await viewer.getByRole('link', { name: 'Events', exact: true }).click();
  await expect(viewer.locator('.moment', { hasText: 'worker started' })).toBeVisible();
  await viewer.getByRole('link', { name: 'Inspect', exact: true }).click();
  await expect(viewer.locator('pre.file')).toContainText('"Privileged": false');
  await desk.close();
});

test('a tester opens a shell and types a command; the record says so', async ({ browser }) => {
  const desk = new Desk(browser, { scripts: true });
  const tester = await desk.of('tester');
  const said: string[] = [];
  tester.on('console', (message) => message.type() === 'error' && said.push(message.text()));
  await tester.goto(environment);
  await live(tester);
  await tester.getByRole('link', { name: 'Shell in worker' }).click();
  await expect(tester.locator('#shell-state')).toHaveText('Open');
  await tester.keyboard.type('echo $((6*7)) is it\n');
  await expect(tester.locator('.xterm-rows')).toContainText('42 is it');
  await tester.keyboard.type('printf "\\033[38;2;200;40;40mred\\033[0m\\n"; exit 5\n');
  await expect(tester.locator('#shell-state')).toHaveText('The shell has ended (5)');
  await expect(tester.getByRole('button', { name: 'Open again' })).toBeVisible();
  expect(said).toEqual([]);
  await tester.goto('/activity');
  await expect(tester.locator('main')).toContainText('opened a shell');
  await expect(tester.locator('main')).toContainText('ended, open for');
  await desk.close();
});

test('a shell says what it needs without scripts, and who may open one', async ({ browser }) => {
  const desk = new Desk(browser, { scripts: false });
  const tester = await desk.of('tester');
  await tester.goto(`${environment}/services/worker/shell`);
  await expect(tester.locator('#shell-state')).toContainText('needs scripts');
  await expect(tester.getByText(/docker exec -it slw-\w+-e\d+-worker \/bin\/sh/)).toBeVisible();
  const viewer = await desk.of('viewer');
  await viewer.goto(`${environment}/services/worker/shell`);
  await expect(viewer.locator('.only')).toBeVisible();
  await expect(viewer.locator('#shell')).toHaveCount(0);
  await desk.close();
});

for (const theme of ['light', 'dark'] as const) {
  test(`no tab has a barrier or scrolls sideways: ${theme}`, async ({ browser }) => {
    const desk = new Desk(browser, { scripts: true });
    const tester = await desk.of('tester');
    await tester.context().addCookies([{ name: 'theme', value: theme, url: world().address }]);
    const found: string[] = [];
    const tabs = ['logs', 'logs&times=on&q=begins', 'resources', 'processes', 'events', 'inspect'];
    for (const place of [...tabs.map((tab) => `${environment}?tab=${tab}`), `${environment}/services/worker/shell`]) {
      // As in looks: the narrow pages are searched in the light, the wide ones in the dark.
      const width = theme === 'light' ? 390 : 1440;
      found.push(...(await faults(tester, place, width)).map((fault) => `${place} at ${width}: ${fault}`));
    }
    expect(found).toEqual([]);
    await desk.close();
  });
}

async function faults(page: Page, place: string, width: number): Promise<string[]> {
  await page.setViewportSize({ width, height: 900 });
  await page.goto(place);
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
  const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']).analyze();
  const told = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target.join(' ')).join(', ')}`);
  return over > 0 ? [...told, `${over} px too wide`] : told;
}
