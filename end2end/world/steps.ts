// The steps of the flow, as people click them. Each gives back where it led.

import { expect, type Locator, type Page } from '@playwright/test';
import type { Desk } from './desk';
import { push } from './world';

export const chip = (page: Page, word: string): Locator => page.locator('.head-line').getByText(word, { exact: true });
export const said = (page: Page, words: string | RegExp): Locator => page.getByRole('status').filter({ hasText: words });
export const refused = (page: Page): Locator => page.getByRole('alert');
export const section = (page: Page, title: string): Locator =>
  page.locator('section.panel, details.panel').filter({ has: page.getByRole('heading', { name: new RegExp(`^${title}`) }) });

/** Someone opens a build from the list. */
export async function openBuild(page: Page, tag: string): Promise<string> {
  await page.goto('/builds?app=web');
  await page.locator('main tbody').getByRole('link', { name: tag, exact: true }).first().click();
  await expect(page.getByRole('heading', { level: 1 })).toContainText(tag);
  return new URL(page.url()).pathname;
}

/** A tester launches the open build and waits until it runs. */
export async function launch(desk: Desk, page: Page, stack = 'web-alone'): Promise<string> {
  await page.locator('#launch').getByLabel('Stack').selectOption(stack);
  await page.locator('#launch').getByRole('button', { name: 'Launch environment' }).click();
  await expect(page).toHaveURL(/\/environments\//);
  await desk.until(page, chip(page, 'running'), 60);
  return new URL(page.url()).pathname;
}

/** A tester judges, on the page of the build or of the environment. */
export async function judge(page: Page, kind: 'pass' | 'fail' | 'blocked', note: string): Promise<void> {
  const form = page.locator('form[action="/do/verdicts/record"]');
  await form.locator(`input[name=kind][value=${kind}]`).check();
  await form.getByLabel('What you saw').fill(note);
  await form.getByRole('button', { name: 'Record', exact: true }).click();
  await expect(said(page, 'The verdict is recorded.')).toBeVisible();
}

/** Product accepts the open build. */
export async function signOff(page: Page, note: string): Promise<void> {
  await page.locator('#sign-off').getByLabel('Note for the record').fill(note);
  await page.locator('#sign-off').getByRole('button', { name: 'Sign off' }).click();
  await expect(said(page, 'The build is signed off.')).toBeVisible();
}

/** A lead asks for the open build to go to these regions. */
export async function request(page: Page, regions: string[], reason: string): Promise<string> {
  const form = page.locator('#promote');
  // The same regions stand once more where later waves begin.
  for (const region of regions) await form.locator('input[name="regions[]"]').and(form.getByLabel(region)).check();
  await form.getByLabel('Why now').fill(reason);
  await form.getByRole('button', { name: 'Request promotion' }).click();
  await expect(page).toHaveURL(/\/promotions\//);
  return new URL(page.url()).pathname;
}

/** Another lead approves. */
export async function approve(page: Page, promotion: string): Promise<void> {
  await page.goto(promotion);
  await page.getByRole('button', { name: 'Approve', exact: true }).first().click();
  await expect(said(page, 'Your approval is recorded.')).toBeVisible();
}

/** Types the app's name into the guard of the page and presses its button. */
export async function confirm(page: Page, app: string, button: string): Promise<void> {
  const form = page.locator('form.confirm');
  await form.getByLabel(/^Type .* to confirm/).fill(app);
  await form.getByRole('button', { name: button }).click();
}

/** Everything from a push to a verified region, for a story that begins after it. */
export async function promoted(desk: Desk, tag: string, regions: string[]): Promise<void> {
  push('web', tag);
  const tester = await desk.of('tester');
  await expect(async () => {
    await tester.goto('/builds?app=web');
    await expect(tester.getByRole('link', { name: tag, exact: true }).first()).toBeVisible({ timeout: 500 });
  }).toPass({ timeout: 20_000 });
  const build = await openBuild(tester, tag);
  await judge(tester, 'pass', 'as before');
  const product = await desk.of('product');
  await product.goto(build);
  await signOff(product, '');
  const lead = await desk.of('lead');
  await lead.goto(build);
  const promotion = await request(lead, regions, 'the first of them');
  await approve(await desk.of('lead2'), promotion);
  await lead.goto(promotion);
  await confirm(lead, 'web', 'Start rollout');
  await expect(said(lead, 'The rollout has started.')).toBeVisible();
  await desk.until(lead, chip(lead, 'verified'), 90);
}
