// Pictures of a lived-in instance: every page at 1440 and 390 px, light and dark, in both languages.

import { expect, test } from '@playwright/test';
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Desk, live } from '../world/desk';
import { judge, launch, openBuild, promoted, request } from '../world/steps';
import { lab, root, world, type Person } from '../world/world';

const folder = join(__dirname, '..', 'shots');

test('pictures', async ({ browser }) => {
  mkdirSync(folder, { recursive: true });
  const desk = new Desk(browser, { scripts: true });
  const [tester, product, lead] = [await desk.of('tester'), await desk.of('product'), await desk.of('lead')];
  lab(['push', '--again']);
  await promoted(desk, 'release-v5.12.05.01', ['Hangzhou', 'US West', 'Hong Kong']);
  await promoted(desk, 'release-v5.12.05.02', ['Hangzhou']);
  lab(['push', 'web', 'test', '--new']);
  lab(['push', 'worker', 'dev', '--new']);
  lab(['push', 'web', 'dev', '--new']);
  await tester.goto('/builds?app=web');
  await desk.until(tester, tester.locator('main tbody').getByRole('link', { name: 'dev', exact: true }).first());
  await openBuild(tester, 'test');
  await judge(tester, 'fail', 'The share page shows the old price after a reload. Seen in Chromium and Firefox.');
  const dev = await openBuild(tester, 'dev');
  const environment = await launch(desk, tester, 'shop');
  const build = await openBuild(product, 'release-v5.12.05.02');
  await lead.goto(build);
  const open = await request(lead, ['US West', 'Hong Kong'], 'Weighs origins when pulling; Hangzhou has run it since this morning.');
  const places: [string, string, Person][] = [
    ['builds', '/builds', 'lead'],
    ['build', build, 'lead'],
    ['build-tester', dev, 'tester'],
    ['launch', `${dev}/launch`, 'tester'],
    ['stack', '/settings/stacks/shop', 'tester'],
    ['environments', '/environments', 'tester'],
    ['environment', environment, 'tester'],
    ['environment-logs', `${environment}?tab=logs`, 'tester'],
    ['environment-resources', `${environment}?tab=resources`, 'tester'],
    ['environment-processes', `${environment}?tab=processes`, 'tester'],
    ['environment-events', `${environment}?tab=events`, 'tester'],
    ['environment-inspect', `${environment}?tab=inspect`, 'tester'],
    ['shell', `${environment}/services/worker/shell`, 'tester'],
    ['promotions', '/promotions', 'lead'],
    ['promotion', open, 'lead2'],
    ['waiting', '/waiting', 'product'],
    ['regions', '/regions', 'lead'],
    ['region', '/regions/hangzhou', 'lead'],
    ['region-variables', '/regions/hangzhou?tab=variables', 'lead'],
    ['region-history', '/regions/hangzhou?tab=history', 'lead'],
    ['rollback', '/regions/hangzhou/web/rollback', 'lead'],
    ['activity', '/activity', 'viewer'],
    ['settings', '/settings', 'admin'],
    ['deliveries', '/settings/deliveries', 'admin'],
    ['account', '/account', 'viewer'],
  ];
  for (const [name, place, person] of places) {
    const page = await desk.of(person);
    for (const lang of ['en', 'zh']) {
      for (const theme of ['light', 'dark']) {
        await page.context().addCookies([
          { name: 'theme', value: theme, url: world().address },
          { name: 'lang', value: lang, url: world().address },
        ]);
        for (const width of [1440, 390]) {
          await page.setViewportSize({ width, height: width === 1440 ? 900 : 844 });
          await page.goto(place);
          await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
          if (lang === 'en' && (await page.locator('#live-word').count())) await live(page);
          await page.screenshot({ path: join(folder, `${name}-${width}-${theme}-${lang}.png`), fullPage: width === 390 });
        }
      }
    }
  }
  // The two of the README.
  mkdirSync(join(root, 'docs'), { recursive: true });
  for (const name of ['builds', 'promotion']) copyFileSync(join(folder, `${name}-1440-light-en.png`), join(root, 'docs', `${name}.png`));
  await desk.close();
});
