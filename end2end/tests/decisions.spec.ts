// What must not happen: a build that failed goes nowhere, a wrong name starts nothing, and who
// may not act sees no button and gains nothing by asking without one.

import { expect, test } from '@playwright/test';
import { Desk } from '../world/desk';
import { approve, chip, confirm, judge, openBuild, refused, request, said, section, signOff } from '../world/steps';
import { push, world } from '../world/world';

test('a fail quarantines a build that was ready, and its start is refused', async ({ browser }) => {
  const desk = new Desk(browser, { scripts: true });
  const tag = 'release-v5.12.08.01';
  push('web', tag);
  const tester = await desk.of('tester');
  await tester.goto('/builds');
  await desk.until(tester, tester.getByRole('link', { name: tag, exact: true }).first());
  const build = await openBuild(tester, tag);
  await judge(tester, 'pass', 'fine at first');
  const product = await desk.of('product');
  await product.goto(build);
  await signOff(product, '');
  const lead = await desk.of('lead');
  await lead.goto(build);
  const promotion = await request(lead, ['Hong Kong'], 'ready');
  await approve(await desk.of('lead2'), promotion);
  await lead.goto(promotion);
  await expect(lead.getByLabel('Type web to confirm')).toBeVisible();

  // A second page without scripts stays as it was while the fail comes in.
  const still = new Desk(browser, { scripts: false });
  const stale = await still.of('lead');
  await stale.goto(promotion);
  await tester.goto(build);
  await judge(tester, 'fail', 'it loses orders');
  await expect(lead.getByRole('button', { name: 'Start rollout' })).toBeDisabled();
  await confirm(stale, 'web', 'Start rollout');
  await expect(refused(stale)).toBeVisible();
  await expect(chip(stale, 'open')).toBeVisible();
  await expect(section(stale, 'Gates').getByText('Tested: a pass stands and no fail does')).toBeVisible();

  await lead.goto(build);
  await expect(lead.locator('main').getByText('Quarantined', { exact: true })).toBeVisible();
  await expect(lead.getByRole('button', { name: 'Request promotion' })).toHaveCount(0);
  await tester.goto(build);
  await expect(tester.getByRole('button', { name: 'Launch environment' })).toHaveCount(0);

  await lead.locator('summary', { hasText: 'Overrule this fail' }).click();
  await lead.getByLabel('Why it may run all the same').fill('It was the test data.');
  await lead.getByRole('button', { name: 'Overrule this fail' }).click();
  await expect(said(lead, 'The fail is overruled.')).toBeVisible();
  await expect(lead.getByText('It was the test data.')).toBeVisible();
  await desk.close();
  await still.close();
});

test('a fail without a word of why is refused, and what was written is kept', async ({ browser }) => {
  const desk = new Desk(browser, { scripts: false });
  const tester = await desk.of('tester');
  await tester.goto('/builds?app=web');
  await tester.locator('main table').getByRole('link', { name: 'latest', exact: true }).first().click();
  const form = tester.locator('form[action="/do/verdicts/record"]');
  await form.locator('input[name=kind][value=fail]').check();
  await form.getByRole('button', { name: 'Record', exact: true }).click();
  await expect(refused(tester)).toBeVisible();
  await expect(form.locator('input[name=kind][value=fail]')).toBeChecked();
  await expect(tester.locator('main').getByText('Nobody has judged this build yet.')).toBeVisible();
  await desk.close();
});

test('a viewer reads everything, sees no button, and gains nothing by asking without one', async ({ browser }) => {
  const desk = new Desk(browser, { scripts: true });
  const viewer = await desk.of('viewer');
  const places = ['/builds', '/environments?all=1', '/promotions', '/regions', '/activity', '/settings'];
  const detail = async (list: string, link: RegExp) => {
    await viewer.goto(list);
    const found = viewer.locator('main').getByRole('link', { name: link }).first();
    if (await found.count()) places.push((await found.getAttribute('href'))!);
  };
  await viewer.goto('/builds?app=web');
  places.push((await viewer.locator('main tbody .c-name a').first().getAttribute('href'))!);
  await detail('/promotions', /^P-\d+$/);
  await detail('/environments?all=1', /^E-\d+$/);
  for (const place of places) {
    await viewer.goto(place);
    await expect(viewer.getByRole('heading', { level: 1 })).toBeVisible();
    // What is left: preferences, signing out, copying, searching.
    const acting = viewer.locator('main form[method=post]');
    await expect(acting, `${place} offers a viewer something to do`).toHaveCount(0);
  }
  await viewer.goto('/settings/deliveries');
  await expect(viewer.getByRole('heading', { name: 'This is not for your role' })).toBeVisible();

  const build = places.find((place) => place.startsWith('/builds/'))!.split('/')[2];
  for (const [path, form] of [
    ['/do/environments/launch', { build }],
    ['/do/verdicts/record', { build, kind: 'pass' }],
    ['/do/sign-offs/give', { build }],
    ['/do/promotions/request', { build, 'regions[]': 'hangzhou', reason: 'x' }],
    ['/do/people/add', { name: 'mallory', role: 'admin', password: 'long enough to pass' }],
  ] as const) {
    const answer = await viewer.request.post(path, { form, headers: { origin: world().address, referer: `${world().address}/builds` } });
    expect(await answer.text(), path).toContain('forbidden');
  }
  const admin = await desk.of('admin');
  await admin.goto('/settings');
  await expect(admin.locator('#people').getByText('mallory')).toHaveCount(0);
  await desk.close();
});

test('another site cannot make a browser act', async ({ browser }) => {
  const desk = new Desk(browser, { scripts: true });
  const lead = await desk.of('lead');
  const answer = await lead.request.post('/logout', { headers: { origin: 'https://elsewhere.example', 'sec-fetch-site': 'cross-site' } });
  expect(answer.status()).toBe(403);
  await lead.goto('/builds');
  await expect(lead.getByRole('heading', { name: 'Builds' })).toBeVisible();
  await desk.close();
});
