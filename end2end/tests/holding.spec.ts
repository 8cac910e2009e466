// An environment is held: its lease is extended, it is frozen for a look later and thawed, and it is
// handed over. Whoever gave it away decides about it no more.

import { expect, test } from '@playwright/test';
import { Desk } from '../world/desk';
import { chip, judge, launch, openBuild, said, section } from '../world/steps';

for (const scripts of [true, false]) {
  test(`a tester extends, freezes, thaws and hands over, with ${scripts ? 'wasm' : 'JavaScript off'}`, async ({ browser }) => {
    const desk = new Desk(browser, { scripts });
    const tester = await desk.of('tester');
    const build = await openBuild(tester, 'latest');
    const environment = await launch(desk, tester);
    const lease = section(tester, 'Lease');
    await lease.locator('summary', { hasText: 'Extend' }).click();
    await lease.getByLabel('By hours').fill('2');
    await lease.getByRole('button', { name: 'Extend' }).click();
    await expect(said(tester, 'The lease was extended.')).toBeVisible();

    await tester.getByRole('button', { name: 'Freeze' }).click();
    await desk.until(tester, chip(tester, 'frozen'));
    await tester.getByRole('link', { name: 'Logs', exact: true }).click();
    await desk.until(tester, tester.getByRole('log').getByText('serves on port 80').first());
    await tester.getByRole('link', { name: 'Overview', exact: true }).click();
    await tester.getByRole('button', { name: 'Thaw' }).click();
    await desk.until(tester, chip(tester, 'running'));

    // What was seen is kept with the build: the verdict, and what the services wrote until then.
    await judge(tester, 'blocked', 'The page is there, the data is not.');
    await tester.goto(build);
    await desk.until(tester, section(tester, 'Logs kept').getByRole('link').first());

    await tester.goto(environment);
    await lease.locator('summary', { hasText: 'Hand over' }).click();
    await lease.getByLabel('To').selectOption('lead');
    await lease.getByRole('button', { name: 'Hand over' }).click();
    await expect(said(tester, 'The environment was handed over.')).toBeVisible();
    await expect(lease.getByText('lead', { exact: true })).toBeVisible();
    await expect(tester.getByRole('button', { name: 'Freeze' })).toHaveCount(0);
    await desk.close();
  });
}
