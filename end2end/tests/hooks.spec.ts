// From a hook that somebody makes to a message that a group hears, by clicking.

import { expect, test } from '@playwright/test';
import { createHmac } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Desk } from '../world/desk';
import { said } from '../world/steps';
import { push, slipway, world } from '../world/world';

/** A chat on this machine: it refuses at first, as one whose robot was removed, and then takes everything. */
class Chat {
  readonly texts: string[] = [];
  open = false;
  private constructor(private readonly server: Server) {}

  static async start(): Promise<Chat> {
    const server = createServer();
    const chat = new Chat(server);
    server.on('request', (request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        if (!chat.open) {
          response.writeHead(404, { 'content-type': 'application/json' });
          return void response.end('{"id":"web.incoming_webhook.invalid.app_error","status_code":404}');
        }
        chat.texts.push(JSON.parse(Buffer.concat(parts).toString()).text);
        response.end('ok');
      });
    });
    await new Promise<void>((go) => server.listen(0, '127.0.0.1', go));
    return chat;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/hooks/one`;
  }

  stop(): void {
    this.server.close();
  }
}

for (const scripts of [true, false]) {
  test(`a hook, what it receives, and who hears of it, ${scripts ? 'with wasm' : 'with JavaScript off'}`, async ({ browser }) => {
    const chat = await Chat.start();
    const name = scripts ? 'pipeline-one' : 'pipeline-two';
    const tag = `release-v5.12.11.0${scripts ? 1 : 2}`;
    const file = join(mkdtempSync(join(tmpdir(), 'slipway-story-')), 'told.toml');
    const told = `[outgoing]\nallow = ["127.0.0.1/32"]\n[[targets]]\nname = "${name}"\nkind = "mattermost"\nurl = "${chat.url}"\ngroup_seconds = 0\n`;
    writeFileSync(file, `${told}[[routes]]\nevents = ["build_ready"]\napps = ["web"]\nchannels = ["release-v*"]\ntargets = ["${name}"]\n`);
    slipway(world(), ['apply', file]);

    const desk = new Desk(browser, { scripts });
    const admin = await desk.of('admin');
    await admin.goto('/settings#hooks');
    await admin.locator('summary', { hasText: 'Add a hook' }).click();
    const form = admin.locator('form[action="/do/hooks/add"]');
    await form.getByLabel('Which builder or registry').fill(name);
    await form.getByLabel('Source').selectOption('drone-plugin');
    await form.getByRole('button', { name: 'Add hook' }).click();
    const made = said(admin, `The hook ${name}`);
    await expect(made).toContainText('Paste this into');
    const [url, secret] = await made.locator('.secret-text').allTextContents();
    expect(url).toContain('/hooks/drone-plugin/');
    await expect(made.locator('pre')).toContainText(url);
    if (scripts) {
      await admin.context().grantPermissions(['clipboard-read', 'clipboard-write']);
      await made.locator('pre + p button').click();
      await expect(made.locator('pre + p button')).toHaveText('Copied');
      expect(await admin.evaluate(() => navigator.clipboard.readText())).toBe(await made.locator('pre').textContent());
    }

    // The builder calls as its plugin does; what is not signed with the secret is refused and shown.
    const body = JSON.stringify({
      repo: { owner: 'team', name: 'elsewhere' },
      build: { tag: '', event: 'push', number: 1, commit: 'a'.repeat(40), ref: 'refs/heads/dev', branch: 'dev', author: 'lin', message: 'x', status: 'success', link: '', deployTo: '', started: 1, created: 1 },
    });
    const call = (key: string) => {
      const signature = `sha256=${createHmac('sha256', key).update(body).digest('hex')}`;
      return fetch(url, { method: 'POST', body, headers: { 'content-type': 'application/json', 'x-drone-signature': signature } });
    };
    expect((await call('another secret')).status).toBe(401);
    expect((await call(secret)).status).toBe(202);
    await admin.goto('/settings#hooks');
    await admin.getByRole('link', { name, exact: true }).click();
    await expect(admin.getByRole('heading', { level: 1 })).toHaveText(name);
    await expect(admin.locator('main')).not.toContainText(secret);
    await admin.getByRole('link', { name: 'See what the hooks received' }).click();
    await desk.until(admin, admin.getByText('no app of the configuration has the git repository').first());
    await expect(admin.getByText('not believed').first()).toBeVisible();

    // A push is heard of, and told; the chat refuses it for good.
    push('web', tag);
    const viewer = await desk.of('viewer');
    await viewer.goto('/builds?app=web');
    await desk.until(viewer, viewer.getByRole('link', { name: tag, exact: true }).first());
    await admin.goto('/settings/notifications?state=dead');
    const row = admin.locator('main tbody tr', { hasText: tag });
    await desk.until(admin, row.first(), 40);
    chat.open = true;
    await row.first().getByRole('button').click();
    await expect(async () => expect(chat.texts.join('\n')).toContain(tag)).toPass({ timeout: 20_000 });
    expect(chat.texts.join('\n')).toContain('/builds/');
    await admin.goto('/settings/notifications?state=delivered');
    await desk.until(admin, admin.locator('main tbody tr', { hasText: tag }).first());
    await desk.close();
    chat.stop();
  });
}
