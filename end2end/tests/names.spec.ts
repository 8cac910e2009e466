// What people and builders write is shown as they wrote it, and never becomes part of the page.

import { expect, test } from '@playwright/test';
import { Desk } from '../world/desk';
import { judge, openBuild, refused } from '../world/steps';
import { push } from '../world/world';

const script = `<script>document.title='owned'</script><img src=x onerror="document.title='owned'">`;

for (const scripts of [true, false]) {
  test(`a name with <script> stays a name, ${scripts ? 'with wasm' : 'with JavaScript off'}`, async ({ browser }) => {
    const desk = new Desk(browser, { scripts });
    const tag = `release-v5.12.09.0${scripts ? 1 : 2}`;
    push('web', tag);
    const tester = await desk.of('tester');
    await tester.goto('/builds');
    await desk.until(tester, tester.getByRole('link', { name: tag, exact: true }).first());
    await openBuild(tester, tag);
    await judge(tester, 'pass', `${script}</textarea>`);
    await expect(tester.locator('.said', { hasText: script })).toHaveText(`${script}</textarea>`);
    await expect(tester.locator('main script, main img')).toHaveCount(0);

    await tester.goto(`/builds?q=${encodeURIComponent(script)}&app=${encodeURIComponent(script)}`);
    await expect(tester.getByRole('searchbox')).toHaveValue(script);
    await tester.goto('/activity');
    await expect(tester.locator('main script, main img')).toHaveCount(0);
    await tester.goto(`/${encodeURIComponent(script)}`);
    await expect(tester.getByRole('heading', { name: 'There is nothing here' })).toBeVisible();
    expect(await tester.title()).not.toBe('owned');

    const admin = await desk.of('admin');
    await admin.goto('/settings#people');
    await admin.locator('summary', { hasText: 'Add a person' }).click();
    const form = admin.locator('form[action="/do/people/add"]');
    await form.getByLabel('Name').fill('<script>alert(1)</script>');
    await form.getByLabel('Password').fill('a long sentence of a password');
    await form.getByRole('button', { name: 'Add person' }).click();
    await expect(refused(admin)).toBeVisible();
    await expect(form.getByLabel('Name')).toHaveValue('<script>alert(1)</script>');
    await desk.close();
  });
}
