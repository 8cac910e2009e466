// The server dies at the worst moment, and nothing that was acknowledged is lost or done twice.

import { expect, test } from '@playwright/test';
import { createServer, request as send, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Desk } from '../world/desk';
import { kill, lab, push, pushesManifest, start, world } from '../world/world';

/** Stands between registry and server, and kills the server in the midst of one delivery. */
class Between {
  private server?: Server;
  private armed: 'before the answer' | 'at the answer' | null = null;
  /** Fulfilled when the server has been killed. */
  killed: Promise<void> = Promise.resolve();
  private tell: () => void = () => {};

  async open(): Promise<string> {
    this.server = createServer((incoming, outgoing) => void this.pass(incoming, outgoing).catch(() => outgoing.destroy()));
    await new Promise<void>((go) => this.server!.listen(0, '127.0.0.1', go));
    const { port } = this.server.address() as AddressInfo;
    return `http://127.0.0.1:${port}${new URL(world().hook).pathname}`;
  }

  arm(moment: 'before the answer' | 'at the answer'): void {
    this.armed = moment;
    this.killed = new Promise((go) => (this.tell = go));
  }

  close(): void {
    this.server?.closeAllConnections();
    this.server?.close();
  }

  private async pass(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of incoming) parts.push(part as Buffer);
    const body = Buffer.concat(parts);
    const moment = this.armed && pushesManifest(body.toString()) ? this.armed : null;
    if (moment) this.armed = null;
    const on = new URL(incoming.url!, world().address);
    const headers = { 'content-type': incoming.headers['content-type'] ?? 'application/json', 'content-length': body.length };
    const outward = send(on, { method: 'POST', headers });
    outward.on('error', () => outgoing.destroy());
    outward.on('response', (answer) => {
      if (moment === 'at the answer') return void this.kill(outgoing);
      outgoing.writeHead(answer.statusCode!, { 'content-type': answer.headers['content-type'] ?? 'text/plain' });
      answer.pipe(outgoing);
    });
    outward.end(body, () => {
      if (moment === 'before the answer') void this.kill(outgoing);
    });
  }

  private async kill(outgoing: ServerResponse): Promise<void> {
    await kill(world());
    outgoing.destroy();
    this.tell();
  }
}

// Also after a story that was cut short.
test.afterAll(() => {
  lab(['up'], { SLIPWAY_LAB_HOOK: world().hook });
});

test('kill -9 between a push and the answer loses no build and lists none twice', async ({ browser }) => {
  const desk = new Desk(browser, { scripts: false });
  const between = new Between();
  lab(['up'], { SLIPWAY_LAB_HOOK: await between.open() });
  try {
    const moments = ['before the answer', 'at the answer', 'at the answer', 'before the answer'] as const;
    for (const [round, moment] of moments.entries()) {
      const tag = `release-v5.12.11.0${round + 1}`;
      between.arm(moment);
      push('web', tag);
      await between.killed;
      await start(world());
      const viewer = await desk.of('viewer');
      const rows = viewer.locator('main tbody tr').filter({ hasText: tag });
      await expect(async () => {
        await viewer.goto(`/builds?tag=${tag}`);
        await expect(rows).toHaveCount(1, { timeout: 500 });
      }).toPass({ timeout: 20_000, intervals: [100] });
      await viewer.locator('main tbody .c-name a').first().click();
      await expect(viewer.locator('main').getByText('points here')).toHaveCount(1);
    }
    // The registry has repeated what it was not told; once more it changes nothing.
    push('web', 'release-v5.12.11.01', false);
    const viewer = await desk.of('viewer');
    for (const [round] of moments.entries()) {
      await viewer.goto(`/builds?tag=release-v5.12.11.0${round + 1}`);
      await expect(viewer.locator('main tbody tr')).toHaveCount(1);
    }
  } finally {
    between.close();
    await desk.close();
  }
});

test('a session outlives the server, and the page says so when it is away', async ({ browser }) => {
  lab(['up'], { SLIPWAY_LAB_HOOK: world().hook });
  const desk = new Desk(browser, { scripts: true });
  const viewer = await desk.of('viewer');
  await viewer.goto('/builds');
  await expect(viewer.locator('#live-word')).toHaveText('live');
  await kill(world());
  await expect(viewer.locator('#live-word')).toHaveText('reconnecting');
  expect(await start(world())).toBeLessThan(5000);
  await expect(viewer.locator('#live-word')).toHaveText('live');
  push('web', 'release-v5.12.11.05');
  await expect(viewer.getByRole('link', { name: 'release-v5.12.11.05', exact: true }).first()).toBeVisible();
  await desk.close();
});
