// What people decide beside the usual way: sent back with a reason, an exception from a freeze, and
// broken glass, which is told loudly and stays open until another lead has looked at it.

import { expect, test } from '@playwright/test';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Desk } from '../world/desk';
import { chip, openBuild, request, said, section } from '../world/steps';
import { push, slipway, world } from '../world/world';

const policies = `
[[policies]]
name = "web-west"
apps = ["web"]
regions = ["us-west"]
break_glass = true

[[freezes]]
name = "holidays"
reason = "the shops are full"
regions = ["us-west"]
once = { from = "2020-01-01", to = "2099-01-01" }
`;

test('a rejection, an exception from a freeze, and broken glass that is reviewed', async ({ browser }) => {
  const desk = new Desk(browser, { scripts: true });
  const file = join(world().folder, 'policies.toml');
  writeFileSync(file, policies);
  slipway(world(), ['apply', file]);
  const tag = 'release-v5.12.05.11';
  push('web', tag);
  const [lead, other] = [await desk.of('lead'), await desk.of('lead2')];
  await lead.goto('/builds');
  await desk.until(lead, lead.getByRole('link', { name: tag, exact: true }).first());
  const build = await openBuild(lead, tag);

  const first = await request(lead, ['US West'], 'too early');
  await other.goto(first);
  await other.getByText('Send it back', { exact: true }).click();
  await other.getByLabel('Why it cannot go out like this').fill('Wait for the testers.');
  await other.getByRole('button', { name: 'Reject promotion' }).click();
  await expect(said(other, 'The promotion is sent back.')).toBeVisible();
  await expect(chip(other, 'rejected')).toBeVisible();
  await expect(other.getByText('Wait for the testers.').first()).toBeVisible();

  await lead.goto(build);
  const second = await request(lead, ['US West'], 'the region is on fire');
  await expect(section(lead, 'Gates').getByText('the shops are full')).toBeVisible();
  await other.goto(second);
  await other.getByText('Make an exception from the freeze', { exact: true }).click();
  await other.getByLabel('Why it cannot wait').fill('Nobody can pay.');
  await other.locator('#exempt').getByRole('button', { name: 'Make an exception' }).click();
  await expect(said(other, 'The exception is recorded.')).toBeVisible();
  await expect(section(other, 'Gates').getByText('Nobody can pay.')).toBeVisible();

  await lead.goto(second);
  await lead.locator('#glass summary').click();
  const glass = lead.locator('form[action="/do/promotions/break-glass"]');
  await glass.getByLabel('What is burning').fill('Nobody can pay, and this build mends it.');
  await glass.getByLabel('To break the glass: type web').fill('web');
  await glass.getByLabel('To break the glass: your password').fill(world().passwords.lead);
  await glass.getByRole('button', { name: 'Break the glass and start' }).click();
  await expect(said(lead, 'The rollout has started.')).toBeVisible();
  await desk.until(lead, chip(lead, 'verified'), 90);
  await expect(lead.getByLabel('What you found')).toHaveCount(0);

  await other.goto(second);
  await other.getByLabel('What you found').fill('It was right, and it works.');
  await other.getByRole('button', { name: 'Close the review' }).click();
  await expect(other.getByText('Reviewed by lead2')).toBeVisible();
  await other.goto('/activity');
  await expect(other.getByText('broke the glass').first()).toBeVisible();
  slipway(world(), ['apply', '--prune', join(world().folder, 'demo.toml')]);
  await desk.close();
});
