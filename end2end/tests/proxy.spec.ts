// Slipway's own proxy in a real browser: another site to it, with a login that is handed over.

import { expect, test } from '@playwright/test';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Desk } from '../world/desk';
import { chip, launch, openBuild, section } from '../world/steps';
import { push, slipway, world } from '../world/world';

const folder = mkdtempSync(join(tmpdir(), 'slipway-proxy-'));
const before = join(folder, 'before.toml');

test.beforeAll(() => {
  writeFileSync(before, slipway(world(), ['export']));
  const proxy = join(folder, 'proxy.toml');
  // Chromium finds every name under localhost on this machine.
  writeFileSync(proxy, '[proxy]\ndomain = "env.localhost"\n');
  slipway(world(), ['apply', proxy]);
});

test.afterAll(() => {
  slipway(world(), ['apply', before, '--prune']);
});

test('a tester opens the app through the proxy, whoever has the link signs in first, and it ends with the environment', async ({ browser }) => {
  const tag = 'release-v5.12.22.01';
  const desk = new Desk(browser, { scripts: true });
  const tester = await desk.of('tester');
  push('web', tag);
  await tester.goto('/builds');
  await desk.until(tester, tester.getByRole('link', { name: tag, exact: true }).first());
  await openBuild(tester, tag);
  const environment = await launch(desk, tester);

  const opening = tester.waitForEvent('popup');
  await desk.until(tester, tester.getByRole('link', { name: 'Open web' }).first());
  await tester.getByRole('link', { name: 'Open web' }).first().click();
  const app = await opening;
  await expect(app.getByRole('heading', { name: `web ${tag}` })).toBeVisible();
  expect(new URL(app.url()).hostname).toMatch(/^e\d+-web\.env\.localhost$/);
  expect(await app.evaluate('document.cookie')).toBe('');
  await expect(section(tester, 'Services').getByRole('link', { name: 'direct' })).toBeVisible();
  const address = app.url();

  await test.step('a colleague with the link signs in and lands on the app', async () => {
    const colleague = await (await desk.context()).newPage();
    await colleague.goto(`${address}?from=chat`);
    await colleague.getByLabel('Name').fill('lead');
    await colleague.getByLabel('Password').fill(world().passwords.lead);
    await colleague.getByRole('button', { name: 'Sign in' }).click();
    await expect(colleague).toHaveURL(`${address}?from=chat`);
    await expect(colleague.getByRole('heading', { name: `web ${tag}` })).toBeVisible();
  });

  await test.step('who only reads is told so', async () => {
    const viewer = await desk.of('viewer');
    await viewer.goto(address);
    await expect(viewer.getByText('Your role may not')).toBeVisible();
  });

  await test.step('an address of nothing shows a page of its own', async () => {
    await app.goto(address.replace(/e\d+-web/, 'nothing'));
    await expect(app.getByRole('heading', { name: 'Nothing is at this address' })).toBeVisible();
  });

  await test.step('it ends with the environment, and says so', async () => {
    await tester.getByRole('button', { name: 'Stop environment' }).click();
    await desk.until(tester, chip(tester, 'stopped'), 60);
    await expect(async () => {
      await app.goto(address);
      await expect(app.getByRole('heading', { name: /^E-\d+ has ended$/ })).toBeVisible({ timeout: 500 });
    }).toPass();
    await app.getByRole('link', { name: 'To the environment' }).click();
    await expect(app).toHaveURL(new RegExp(environment));
  });
  await desk.close();
});
