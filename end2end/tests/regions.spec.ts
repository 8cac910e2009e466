// A release in Chinese: over three regions in waves with a pause and a look, then what a region asks
// for afterwards: a change by hand is put back, a contingency plan is read, used and returned from.

import { expect, test, type Page } from '@playwright/test';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Desk } from '../world/desk';
import { chip, said, section } from '../world/steps';
import { lab, push, slipway, world } from '../world/world';

const tag = 'release-v5.12.25.01';
const plan = `
[[plans]]
name = "sale"
title = "促销：关闭推荐"
app = "web"
regions = ["us-west"]
set = { RECOMMENDATIONS = "off" }
`;

/** Presses the one button of a form, which is known by its address. */
const press = (page: Page, action: string) => page.locator(`form[action="${action}"]`).getByRole('button').first().click();

/** Fills in a guarded form and presses its button. */
async function guarded(page: Page, action: string, name: string, reason: string): Promise<void> {
  const form = page.locator(`form[action="${action}"]`);
  const why = form.locator('textarea[name=reason]');
  if (await why.count()) await why.fill(reason);
  await form.locator('input[name=typed]').fill(name);
  await form.getByRole('button').last().click();
  await expect(page).toHaveURL(/\/promotions\//);
}

/** Changes the service of an app in a region as somebody with a shell there would. */
function byHand(region: string, change: string[]): void {
  const socket = lab(['env']).match(new RegExp(`^LAB_${region.toUpperCase().replace('-', '_')}_SOCK=(.*)$`, 'm'))![1];
  execFileSync('docker', ['-H', `unix://${socket}`, 'service', 'update', '--detach', ...change, 'slw-web'], { stdio: 'pipe' });
}

test('what a region asks of promotions is read with JavaScript off', async ({ browser }) => {
  const desk = new Desk(browser, { scripts: false });
  const day = (days: number) => new Date(Date.now() + days * 24 * 3600 * 1000).toISOString().slice(0, 10);
  const file = join(world().folder, 'freeze.toml');
  const window = 'name = "year-end"\nregions = ["us-west"]\napps = ["web"]\nreason = "The books are closed."\n';
  writeFileSync(file, `[[freezes]]\n${window}once = { from = "${day(-2)}", to = "${day(2)}" }\n`);
  slipway(world(), ['apply', file]);
  const viewer = await desk.of('viewer');
  await viewer.goto('/regions/us-west');
  await viewer.getByRole('link', { name: 'Rules', exact: true }).click();
  // Another process applied it: the server hears of that in a moment.
  await expect(async () => {
    await viewer.reload();
    await expect(viewer.getByText('Nothing new goes to these apps now')).toBeVisible({ timeout: 500 });
  }).toPass({ timeout: 20_000 });
  const row = section(viewer, 'Freeze windows').locator('tbody tr').filter({ hasText: 'year-end' });
  await expect(row).toContainText('The books are closed.');
  await expect(row.getByText('forbids now')).toBeVisible();
  await expect(row).toContainText('America/Los_Angeles');
  await expect(section(viewer, 'What people decide').first()).toBeVisible();
  slipway(world(), ['apply', '--prune', join(world().folder, 'demo.toml')]);
  await expect(async () => {
    await viewer.reload();
    await expect(viewer.getByText('year-end')).toHaveCount(0, { timeout: 500 });
  }).toPass({ timeout: 20_000 });
  await desk.close();
});

test('a release goes out in waves, a region is put right, and a plan is used and returned from: zh-CN', async ({ browser }) => {
  const desk = new Desk(browser, { scripts: true, locale: 'zh-CN' });
  const file = join(world().folder, 'plan.toml');
  writeFileSync(file, plan);
  slipway(world(), ['apply', file]);
  push('web', tag);
  const [tester, product, lead, other] = [await desk.of('tester'), await desk.of('product'), await desk.of('lead'), await desk.of('lead2')];

  await test.step('passed, signed off, asked for in two waves, approved', async () => {
    await tester.goto('/builds?app=web');
    await desk.until(tester, tester.locator('main tbody').getByRole('link', { name: tag, exact: true }).first());
    await tester.locator('main tbody').getByRole('link', { name: tag, exact: true }).first().click();
    await expect(tester.getByRole('heading', { level: 1 })).toContainText(tag);
    const build = new URL(tester.url()).pathname;
    const verdict = tester.locator('form[action="/do/verdicts/record"]');
    await verdict.locator('input[name=kind][value=pass]').check();
    await verdict.getByLabel('您看到了什么').fill('首页正常，版本正确。');
    await verdict.getByRole('button', { name: '记录', exact: true }).click();
    await expect(said(tester, '测试结论已记录。')).toBeVisible();
    await product.goto(build);
    await press(product, '/do/sign-offs/give');
    await expect(said(product, '构建已签核。')).toBeVisible();
    await lead.goto(build);
    const form = lead.locator('form[action="/do/promotions/request"]');
    for (const region of ['hangzhou', 'us-west', 'hong-kong']) await form.locator(`input[name="regions[]"][value=${region}]`).check();
    await form.getByText('分批进行').click();
    await form.locator('input[name="waves[]"][value=us-west]').check();
    await form.getByLabel('批次之间').selectOption('true');
    await form.locator('textarea[name=reason]').fill('每周发布');
    await form.getByRole('button', { name: '申请发布' }).click();
    await expect(lead).toHaveURL(/\/promotions\//);
    await other.goto(new URL(lead.url()).pathname);
    await press(other, '/do/promotions/approve');
    await expect(said(other, '您的批准已记录。')).toBeVisible();
  });

  await test.step('the first wave goes, is paused and goes on; the second waits for a look', async () => {
    const start = lead.locator('form[action="/do/promotions/start"]');
    await desk.until(lead, start.locator('input[name=app]'));
    await start.locator('input[name=app]').fill('web');
    await start.getByRole('button', { name: '启动更新' }).click();
    await expect(said(lead, '更新已开始。')).toBeVisible();
    await lead.getByRole('button', { name: '暂停' }).click();
    await expect(lead.getByText('lead 已暂停')).toBeVisible();
    await lead.getByRole('button', { name: '继续' }).click();
    await expect(said(lead, '已继续。')).toBeVisible();
    await desk.until(lead, lead.getByText('第 2 批等待查看'), 90);
    await lead.getByRole('button', { name: '开始第 2 批' }).click();
    await desk.until(lead, chip(lead, '已验证'), 120);
  });

  await test.step('a change by hand is shown by its parts and put back', async () => {
    byHand('us-west', ['--env-add', 'DEBUG=1']);
    await lead.goto('/regions');
    const drifted = lead.locator('a[href="/regions/us-west/web/drift"]').first();
    await desk.until(lead, drifted, 60);
    await drifted.click();
    await expect(lead.getByRole('heading', { level: 1 })).toContainText('手动改动');
    await expect(lead.locator('main').getByText('DEBUG').first()).toBeVisible();
    await guarded(lead, '/do/regions/correct', 'web', '恢复');
    await desk.until(lead, chip(lead, '已验证'), 90);
  });

  await test.step('a plan that another lead has read is used, and returned from', async () => {
    await lead.goto('/plans/sale');
    await expect(lead.getByText('需要另一位负责人先审阅。')).toBeVisible();
    await other.goto('/plans/sale');
    await press(other, '/do/plans/review');
    await expect(said(other, '已记录您审阅了该预案。')).toBeVisible();
    await lead.goto('/plans/sale');
    await guarded(lead, '/do/plans/run', 'web', '流量激增');
    await desk.until(lead, chip(lead, '已验证'), 90);
    await lead.goto('/regions/us-west');
    await expect(lead.locator('main').getByText('促销：关闭推荐').first()).toBeVisible();
    await lead.goto('/plans/sale');
    await guarded(lead, '/do/plans/return', 'web', '恢复正常');
    await desk.until(lead, chip(lead, '已验证'), 90);
    await lead.goto('/regions/us-west?tab=history');
    await expect(lead.locator('main tbody tr')).not.toHaveCount(0);
  });
  slipway(world(), ['apply', '--prune', join(world().folder, 'demo.toml')]);
  await desk.close();
});
