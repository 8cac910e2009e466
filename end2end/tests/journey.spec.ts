// The whole flow by clicking, once with scripts and wasm, once with JavaScript off: from a
// pushed image to the regions that run it, and back.

import { expect, test } from '@playwright/test';
import { Desk, live } from '../world/desk';
import { approve, chip, confirm, judge, launch, openBuild, promoted, refused, request, said, section, signOff } from '../world/steps';
import { push } from '../world/world';

const tellings = [
  { name: 'with wasm', scripts: true, before: 'release-v5.12.06.01', tag: 'release-v5.12.06.02' },
  { name: 'with JavaScript off', scripts: false, before: 'release-v5.12.07.01', tag: 'release-v5.12.07.02' },
];

for (const telling of tellings) {
  test(`a pushed image reaches two regions and goes back, ${telling.name}`, async ({ browser }) => {
    test.setTimeout(300_000);
    const desk = new Desk(browser, { scripts: telling.scripts });
    await test.step('what ran before', () => promoted(desk, telling.before, ['Hangzhou', 'US West']));

    const tester = await desk.of('tester');
    await test.step('a push appears in the open tab', async () => {
      await tester.goto('/builds');
      if (telling.scripts) {
        await live(tester);
        await tester.evaluate('window.sameDocument = true');
      }
      push('web', telling.tag);
      await desk.until(tester, tester.getByRole('link', { name: telling.tag, exact: true }).first());
      if (telling.scripts) expect(await tester.evaluate('window.sameDocument')).toBe(true);
    });

    let build = '';
    await test.step('a tester launches it, looks, reads its log and passes it', async () => {
      build = await openBuild(tester, telling.tag);
      await launch(desk, tester);
      await section(tester, 'Services').getByText('healthy').waitFor();
      const opening = tester.waitForEvent('popup');
      await tester.getByRole('link', { name: 'Open web' }).first().click();
      const app = await opening;
      await expect(app.getByRole('heading', { name: `web ${telling.tag}` })).toBeVisible();
      await app.close();
      await tester.getByRole('link', { name: 'Logs', exact: true }).click();
      await desk.until(tester, tester.getByRole('log').getByText(`web ${telling.tag} serves on port 80`));
      await tester.getByRole('link', { name: 'Overview', exact: true }).click();
      await judge(tester, 'pass', 'The page opens and says its version.');
      await tester.goto(build);
      await expect(section(tester, 'Verdicts').getByText('The page opens and says its version.')).toBeVisible();
      await expect(section(tester, 'Verdicts').getByText(/Seen in E-\d+/)).toBeVisible();
    });

    await test.step('product signs it off', async () => {
      const product = await desk.of('product');
      await openBuild(product, telling.tag);
      await signOff(product, 'Good to go.');
    });

    const lead = await desk.of('lead');
    let promotion = '';
    await test.step('a lead requests it for two regions; the start is closed and says why', async () => {
      await openBuild(lead, telling.tag);
      promotion = await request(lead, ['Hangzhou', 'US West'], 'It fixes the share page.');
      await expect(lead.getByRole('button', { name: 'Start rollout' })).toBeDisabled();
      await expect(section(lead, 'Gates').getByText('Approved by another lead')).toBeVisible();
      await expect(lead.getByText('You requested this, so somebody else has to approve it.')).toBeVisible();
    });

    await test.step('a second lead approves', async () => {
      const second = await desk.of('lead2');
      await second.goto('/promotions?state=open');
      await second.locator('main').getByRole('link', { name: /^P-\d+$/ }).first().click();
      await expect(second).toHaveURL(new RegExp(promotion));
      await approve(second, promotion);
    });

    await test.step('a wrong name starts nothing, the right one does', async () => {
      await desk.until(lead, lead.getByLabel('Type web to confirm'));
      await lead.getByLabel('Type web to confirm').fill('worker');
      const start = lead.getByRole('button', { name: 'Start rollout' });
      if (telling.scripts) {
        await expect(start).toBeDisabled();
      } else {
        await start.click();
        await expect(refused(lead)).toContainText('web');
        await expect(chip(lead, 'open')).toBeVisible();
      }
      await confirm(lead, 'web', 'Start rollout');
      await expect(said(lead, 'The rollout has started.')).toBeVisible();
    });

    await test.step('the steps are seen, and both regions end verified', async () => {
      await desk.until(lead, chip(lead, 'verified'), 90);
      await expect(lead.getByText('Every region runs this digest, seen on the tasks themselves.')).toBeVisible();
      for (const region of ['Hangzhou', 'US West']) await expect(section(lead, region).getByText('verified', { exact: true })).toBeVisible();
    });

    const cell = (place: number) => lead.locator('table.board tbody tr').filter({ hasText: 'web' }).locator('td').nth(place);
    await test.step('the board shows it, and the region serves it', async () => {
      await lead.getByRole('link', { name: 'Regions' }).first().click();
      await desk.until(lead, cell(0).getByRole('link', { name: telling.tag }));
      await expect(cell(1).getByRole('link', { name: telling.tag })).toBeVisible();
      await expect(cell(0).getByText('healthy 1/1')).toBeVisible();
      const served = await (await fetch((await cell(0).getByRole('link', { name: 'Open' }).getAttribute('href'))!)).text();
      expect(served).toContain(`web ${telling.tag}`);
      expect(served).toContain('Region hangzhou');
    });

    await test.step('one region is rolled back from the board', async () => {
      await cell(0).getByRole('link', { name: 'Roll back' }).click();
      await lead.getByLabel('What is wrong').fill('The share page is slow.');
      await confirm(lead, 'web', 'Roll back now');
      await expect(lead).toHaveURL(/\/promotions\//);
      await desk.until(lead, chip(lead, 'verified'), 90);
      await lead.goto('/regions');
      await desk.until(lead, cell(0).getByRole('link', { name: telling.before }));
      await expect(cell(1).getByRole('link', { name: telling.tag })).toBeVisible();
    });

    await test.step('the record tells all of it', async () => {
      await lead.goto('/activity?app=web');
      for (const who of ['tester', 'product', 'lead', 'lead2']) await expect(lead.locator('main').getByText(who, { exact: true }).first()).toBeVisible();
      await expect(lead.locator('main').getByText('The share page is slow.').first()).toBeVisible();
    });
    await desk.close();
  });
}
