// A canary beside the main service, withdrawn by the button that rolls its region back; and two apps that go out together.
// Its releases are older than those of the stories that follow: a region takes nothing older than what runs.

import { expect, test, type Page } from '@playwright/test';
import { Desk } from '../world/desk';
import { approve, chip, confirm, judge, openBuild, promoted, said, section, signOff } from '../world/steps';
import { push } from '../world/world';

const first = 'release-v5.11.25.01';
const before = 'release-v5.11.26.01';
const tag = 'release-v5.11.26.02';
const together = 'release-v5.11.27.01';

test('a canary runs beside what a region runs, is withdrawn, and the region goes back, with JavaScript off', async ({ browser }) => {
  const desk = new Desk(browser, { scripts: false });
  await promoted(desk, first, ['Hong Kong']);
  await promoted(desk, before, ['Hong Kong']);
  push('web', tag);
  const [tester, product, lead, other] = [await desk.of('tester'), await desk.of('product'), await desk.of('lead'), await desk.of('lead2')];

  await test.step('it passes every gate that a promotion passes', async () => {
    await tester.goto('/builds?app=web');
    await desk.until(tester, tester.locator('main tbody').getByRole('link', { name: tag, exact: true }).first());
    const build = await openBuild(tester, tag);
    await judge(tester, 'pass', 'Good enough for a part of them.');
    await product.goto(build);
    await signOff(product, '');
    await lead.goto(build);
    const form = lead.locator('#promote');
    await form.locator('input[name="regions[]"][value=hong-kong]').check();
    await form.getByText('As a canary: a part of one region, for a while').click();
    await form.getByLabel('Run it as a canary').check();
    await form.getByLabel('How', { exact: true }).selectOption('beside');
    await form.getByLabel('Hours', { exact: true }).fill('2');
    await form.getByLabel('Port label').fill('90');
    await form.getByLabel('Why now').fill('Seen by some first.');
    await form.getByRole('button', { name: 'Request promotion' }).click();
    await expect(lead).toHaveURL(/\/promotions\//);
    const promotion = new URL(lead.url()).pathname;
    await approve(other, promotion);
    await lead.goto(promotion);
    await confirm(lead, 'web', 'Start rollout');
    await expect(said(lead, 'The rollout has started.')).toBeVisible();
    await desk.until(lead, chip(lead, 'verified'), 90);
  });

  await test.step('the board names it, its page shows both side by side', async () => {
    await lead.goto('/regions');
    await desk.until(lead, lead.getByRole('link', { name: 'canary running' }), 30);
    await expect(lead.locator('main').getByRole('link', { name: before }).first()).toBeVisible();
    await lead.getByRole('link', { name: 'canary running' }).click();
    await expect(section(lead, 'Main').getByText(before)).toBeVisible();
    await expect(section(lead, 'Canary').getByText(tag).first()).toBeVisible();
    await desk.until(lead, section(lead, 'Canary').getByText('healthy 1/1'), 30);
  });

  await test.step('a lead extends it; then one button withdraws it and rolls the region back', async () => {
    await lead.getByLabel('Hours more').fill('1');
    await lead.getByRole('button', { name: 'Extend the canary' }).click();
    await expect(said(lead, "The canary's end was moved.")).toBeVisible();
    await expect(lead.locator('form[action="/do/canaries/withdraw"]')).toBeVisible();
    await lead.getByRole('link', { name: 'Withdraw the canary, then roll back' }).click();
    await expect(lead).toHaveURL(/\/regions\/hong-kong\/web\/rollback$/);
    const back = lead.locator('form[action="/do/regions/roll-back"]');
    await back.locator('textarea[name=reason]').fill('Both of them burn.');
    await back.locator('input[name=typed]').fill('web');
    await back.getByRole('button', { name: 'Withdraw the canary, then roll back' }).click();
    await expect(lead).toHaveURL(/\/promotions\//);
    await expect(lead.getByRole('heading', { level: 1 })).toContainText(first);
    await desk.until(lead, chip(lead, 'verified'), 120);
    await lead.goto('/regions/hong-kong/web/canary');
    await desk.until(lead, lead.getByText('No canary is here'), 60);
  });
  await desk.close();
});

/** A build of this tag is passed and signed off. */
async function ready(desk: Desk, app: string): Promise<void> {
  const [tester, product] = [await desk.of('tester'), await desk.of('product')];
  await tester.goto(`/builds?app=${app}`);
  const link = tester.locator('main tbody').getByRole('link', { name: together, exact: true }).first();
  await desk.until(tester, link);
  await link.click();
  await expect(tester.getByRole('heading', { level: 1 })).toContainText(together);
  const verdict = tester.locator('form[action="/do/verdicts/record"]');
  await verdict.locator('input[name=kind][value=pass]').check();
  await verdict.locator('textarea[name=note]').fill('两个应用一起验证通过。');
  await verdict.getByRole('button', { name: '记录', exact: true }).click();
  await expect(said(tester, '测试结论已记录。')).toBeVisible();
  await product.goto(new URL(tester.url()).pathname);
  await product.locator('form[action="/do/sign-offs/give"]').getByRole('button').first().click();
  await expect(said(product, '构建已签核。')).toBeVisible();
}

const choose = (page: Page, app: string) => page.locator(`select[name="builds[${app}]"]`);

test('two apps go out together, one after the other: zh-CN', async ({ browser }) => {
  const desk = new Desk(browser, { scripts: true, locale: 'zh-CN' });
  for (const app of ['web', 'worker']) {
    push(app, together);
    await ready(desk, app);
  }
  const [lead, other] = [await desk.of('lead'), await desk.of('lead2')];

  await test.step('one request for both, in an order', async () => {
    await lead.goto('/promotions');
    await lead.getByRole('link', { name: '多应用发布' }).click();
    for (const app of ['web', 'worker']) {
      const value = await choose(lead, app).locator('option', { hasText: together }).first().getAttribute('value');
      await choose(lead, app).selectOption(value);
    }
    await lead.locator('input[name="order[worker]"]').fill('1');
    await lead.locator('input[name="order[web]"]').fill('2');
    await lead.locator('input[name="regions[]"][value=hong-kong]').check();
    await lead.locator('textarea[name=reason]').fill('接口和页面一起变更');
    await lead.getByRole('button', { name: '全部申请' }).click();
    await expect(lead).toHaveURL(/\/promotions\/sets\/S-\d+$/);
    await expect(lead.locator('.moves .move').first()).toContainText('worker');
  });

  await test.step('it is booked for tomorrow and taken back, with JavaScript off', async () => {
    const plain = new Desk(browser, { scripts: false, locale: 'zh-CN' });
    const page = await plain.of('lead');
    await page.goto(new URL(lead.url()).pathname);
    const book = page.locator('form[action="/do/sets/book"]');
    await page.getByText('自动启动发布组').click();
    await book.locator('input[name=not_before]').fill(new Date(Date.now() + 24 * 3600 * 1000).toISOString().slice(0, 16));
    await book.locator('input[name=app]').fill(new URL(lead.url()).pathname.split('/').pop()!);
    await book.getByRole('button').click();
    await expect(said(page, '各发布的条件全部满足后，发布组将自动启动。')).toBeVisible();
    await expect(page.locator('#booking').getByText('Asia/Hong_Kong')).toBeVisible();
    await page.locator('form[action="/do/sets/unbook"]').getByRole('button').click();
    await expect(said(page, '发布组已改为手动启动。')).toBeVisible();
    await plain.close();
  });

  await test.step('approved at once, started at once, run in order', async () => {
    const set = new URL(lead.url());
    await other.goto(set.pathname);
    await other.getByRole('button', { name: '批准我可批准的全部' }).click();
    await expect(said(other, '您的批准均已记录。')).toBeVisible();
    const start = lead.locator('form[action="/do/sets/start"]');
    await desk.until(lead, start.locator('input[name=app]'));
    await start.locator('input[name=app]').fill(set.pathname.split('/').pop()!);
    await start.getByRole('button', { name: '启动发布组' }).click();
    await desk.until(lead, lead.getByText('发布组中的发布均已验证。'), 120);
  });
  await desk.close();
});
