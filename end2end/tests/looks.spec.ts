// Every page: no barrier that axe finds, in both themes; no sideways scrolling at 390 px; in
// Chinese as in English; nothing on the console.

import AxeBuilder from '@axe-core/playwright';
import { expect, test, type Page } from '@playwright/test';
import { Desk } from '../world/desk';
import { launch, openBuild, promoted } from '../world/steps';
import { world, type Person } from '../world/world';

test.describe.configure({ mode: 'serial' });

const tag = 'release-v5.12.10.02';
/** Path and who looks at it: whoever sees most there. */
const places: [string, Person | 'nobody'][] = [
  ['/login', 'nobody'],
  ['/login?next=%2Fregions', 'nobody'],
  ['/builds', 'tester'],
  ['/builds?channel=release-v*&app=web', 'lead'],
  ['/builds?q=nothing-has-this-name', 'viewer'],
  ['/environments', 'tester'],
  ['/promotions', 'lead'],
  ['/promotions?state=cancelled', 'lead'],
  ['/waiting', 'product'],
  ['/regions', 'lead'],
  ['/regions/hangzhou', 'lead'],
  ['/regions/hangzhou?tab=variables', 'viewer'],
  ['/regions/hangzhou/web/rollback', 'lead'],
  ['/activity', 'viewer'],
  ['/settings', 'admin'],
  ['/settings', 'viewer'],
  ['/settings/deliveries', 'admin'],
  ['/settings/deliveries', 'viewer'],
  ['/settings/notifications', 'admin'],
  ['/settings/stacks', 'tester'],
  ['/settings/stacks/shop', 'tester'],
  ['/account', 'product'],
  ['/nothing-is-here', 'viewer'],
];

test('there is something to look at', async ({ browser }) => {
  const desk = new Desk(browser, { scripts: true });
  await promoted(desk, 'release-v5.12.10.01', ['Hangzhou', 'Hong Kong']);
  await promoted(desk, tag, ['Hangzhou']);
  const tester = await desk.of('tester');
  const build = await openBuild(tester, tag);
  for (const person of ['tester', 'lead', 'product', 'viewer'] as const) places.push([build, person]);
  places.push([`${build}/launch`, 'tester']);
  const environment = await launch(desk, tester, 'shop');
  for (const person of ['tester', 'viewer'] as const) places.push([environment, person]);
  const lead = await desk.of('lead');
  await lead.goto(build);
  await lead.locator('#promote input[name="regions[]"][value=hong-kong]').check();
  await lead.getByLabel('Why now').fill('one that waits');
  await lead.getByRole('button', { name: 'Request promotion' }).click();
  await expect(lead).toHaveURL(/\/promotions\//);
  const open = new URL(lead.url()).pathname;
  await lead.goto('/promotions?state=verified');
  const done = (await lead.locator('main').getByRole('link', { name: /^P-\d+$/ }).first().getAttribute('href'))!;
  for (const place of [open, done]) places.push([place, 'lead'], [place, 'viewer']);
  await desk.close();
});

// Contrast is a matter of the theme, and width one of the language: two runs see all four. What a
// narrow page hides or moves is searched in one of them, what a wide one shows in the other.
for (const [theme, locale, searched] of [
  ['light', 'en-US', 1440],
  ['dark', 'zh-CN', 390],
] as const) {
  test(`no page has a barrier or scrolls sideways: ${theme}, ${locale}`, async ({ browser }) => {
    test.setTimeout(480_000);
    const desk = new Desk(browser, { scripts: true, locale });
    const nobody = await (await desk.context()).newPage();
    const found: string[] = [];
    for (const [place, person] of places) {
      const page = person === 'nobody' ? nobody : await desk.of(person);
      await page.context().addCookies([
        { name: 'theme', value: theme, url: world().address },
        { name: 'lang', value: locale.slice(0, 2), url: world().address },
      ]);
      found.push(...(await faults(page, place, searched)).map((fault) => `${place} as ${person}: ${fault}`));
    }
    expect(found).toEqual([]);
    await desk.close();
  });
}

/** What is wrong with a page: too wide at 1440 or at 390 px, or a barrier at the width that is searched. */
async function faults(page: Page, place: string, searched: number): Promise<string[]> {
  const found: string[] = [];
  const listen = (message: { type(): string; text(): string }) => {
    if (message.type() === 'error' && !message.text().includes('status of 40')) found.push(`console: ${message.text()}`);
  };
  page.on('console', listen);
  await page.setViewportSize({ width: searched, height: 900 });
  await page.goto(place);
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
  // The width is a matter of the style sheet alone: the other one needs no page of its own.
  for (const width of [searched, searched === 1440 ? 390 : 1440]) {
    await page.setViewportSize({ width, height: 900 });
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    if (over > 0) found.push(`at ${width} px it is ${over} px too wide: ${await widest(page)}`);
    if (width !== searched) continue;
    const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']).analyze();
    for (const { id, help, nodes } of violations) found.push(`at ${width} px ${id} (${help}): ${nodes.map((node) => node.target.join(' ')).join(', ')}`);
  }
  page.off('console', listen);
  await page.setViewportSize({ width: 1440, height: 900 });
  return found;
}

/** The element that sticks out furthest. */
function widest(page: Page): Promise<string> {
  return page.evaluate(() => {
    const all = [...document.querySelectorAll('body *')];
    const out = all.map((element) => ({ element, right: element.getBoundingClientRect().right })).sort((a, b) => b.right - a.right)[0];
    return out ? `${out.element.tagName.toLowerCase()}.${out.element.className} to ${Math.round(out.right)}` : '';
  });
}

test('a reader chooses language and theme, with JavaScript off', async ({ browser }) => {
  const desk = new Desk(browser, { scripts: false });
  const viewer = await desk.of('viewer');
  await viewer.goto('/regions');
  await viewer.getByRole('button', { name: '中文' }).click();
  await expect(viewer.locator('html')).toHaveAttribute('lang', /^zh/);
  await expect(viewer).toHaveURL(/\/regions/);
  await expect(viewer.getByRole('heading', { level: 1, name: '区域' })).toBeVisible();
  await expect(viewer.locator('table.board').getByText('杭州')).toBeVisible();
  await viewer.getByRole('button', { name: '深色' }).click();
  await expect(viewer.locator('html')).toHaveAttribute('data-theme', 'dark');
  await viewer.getByRole('button', { name: 'English' }).click();
  await expect(viewer.getByRole('heading', { level: 1, name: 'Regions' })).toBeVisible();
  await desk.close();
});
