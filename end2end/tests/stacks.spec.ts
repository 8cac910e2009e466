// A tester writes a stack, is told what is wrong where it stands, saves it, and goes back to what it was.

import { expect, test } from '@playwright/test';
import { Desk } from '../world/desk';

const GOOD = 'services:\n  web:\n    image: ${BUILD_WEB}\n    ports: ["80"]\n';

for (const scripts of [true, false]) {
  test(`a stack is written, refused, saved and restored, ${scripts ? 'with wasm' : 'with JavaScript off'}`, async ({ browser }) => {
    const desk = new Desk(browser, { scripts });
    const tester = await desk.of('tester');
    const name = scripts ? 'typed' : 'posted';
    const text = () => tester.getByLabel('Compose file');
    await tester.goto('/settings/stacks');
    await tester.getByRole('link', { name: 'New stack' }).click();
    await tester.getByLabel('Name').fill(name);
    await text().fill(`${GOOD}    pid: host\n`);
    if (scripts) {
      // Checked while it is typed: the reason, and the line beside the text.
      await expect(tester.locator('[data-checked]')).toContainText('Line 5');
      await expect(tester.locator('.line-numbers mark')).toHaveText(/5/);
    }
    await tester.getByRole('button', { name: 'Create stack' }).click();
    await expect(tester.getByRole('alert')).toContainText('services.web.pid');
    await expect(text()).toHaveValue(/pid: host/);
    await text().fill(GOOD);
    if (scripts) await expect(tester.locator('[data-checked]')).toContainText('It can be launched');
    await tester.getByRole('button', { name: 'Create stack' }).click();
    await expect(tester).toHaveURL(new RegExp(`/settings/stacks/${name}`));
    await expect(tester.locator('.drawing .service.build')).toHaveCount(1);
    await text().fill(`${GOOD}    read_only: true\n`);
    await tester.getByRole('button', { name: 'Save' }).click();
    await expect(tester.locator('#versions')).toContainText('Version 2');
    await tester.getByRole('link', { name: 'See what changed in version 2' }).click();
    await expect(tester.locator('.diff ins')).toContainText('read_only: true');
    await tester.getByRole('link', { name: 'See what changed in version 1' }).click();
    await tester.getByRole('button', { name: 'Restore this text' }).click();
    await expect(tester.locator('#versions')).toContainText('Version 3');
    await expect(text()).toHaveValue(GOOD);
    const viewer = await desk.of('viewer');
    await viewer.goto(`/settings/stacks/${name}`);
    await expect(viewer.getByRole('button', { name: 'Save' })).toHaveCount(0);
    await desk.close();
  });
}
