// How long a delivery takes to be seen while many people have Slipway open.

import { test, type Page } from '@playwright/test';
import { randomBytes } from 'node:crypto';
import { Agent, request as ask, type ClientRequest } from 'node:http';
import { Desk, live } from '../world/desk';
import { slipway, world } from '../world/world';
import { ms, pause, quantile, runs, say } from './measure';

test.describe.configure({ mode: 'default' });

const STREAMS = 200;
const EACH = 25;

/** One open stream of hints, as a page has it; resolves once the server has said hello. */
function stream(cookie: string, agent: Agent, open: ClientRequest[]): Promise<void> {
  return new Promise((go, fail) => {
    const call = ask(`${world().address}/events?topics=builds`, { agent, headers: { cookie, accept: 'text/event-stream' } }, (answer) => {
      if (answer.statusCode !== 200) return fail(new Error(`a stream was answered ${answer.statusCode}`));
      answer.once('data', () => go());
      answer.resume();
    });
    call.on('error', fail);
    call.end();
    open.push(call);
  });
}

/** Waits in the page until a link or a line with this text is there; the time on the machine's clock. */
function seen(page: Page, text: string): Promise<number> {
  return page.evaluate((wanted) => {
    const there = () => [...document.querySelectorAll('main a, main li')].some((element) => element.textContent?.trim() === wanted);
    const now = () => performance.timeOrigin + performance.now();
    return new Promise<number>((go) => {
      if (there()) return go(now());
      const watch = new MutationObserver(() => {
        if (!there()) return;
        watch.disconnect();
        go(now());
      });
      watch.observe(document.body, { childList: true, subtree: true, characterData: true });
    });
  }, text);
}

function told(tag: string): string {
  const digest = `sha256:${randomBytes(32).toString('hex')}`;
  const target = { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest, repository: 'demo/web', tag };
  const event = { id: randomBytes(8).toString('hex'), timestamp: new Date().toISOString(), action: 'push', target, request: { host: world().registry } };
  return JSON.stringify({ events: [event] });
}

async function cookies(desk: Desk, name: string): Promise<string> {
  const password = randomBytes(9).toString('hex');
  slipway(world(), ['user', 'add', '--name', name, '--role', 'viewer'], password);
  const context = await desk.context();
  const page = await context.newPage();
  await page.goto('/login');
  await page.getByLabel('Name').fill(name);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL(/\/builds/);
  const found = (await context.cookies()).map((one) => `${one.name}=${one.value}`).join('; ');
  await context.close();
  return found;
}

test('delivery to visible with 200 open streams', async ({ browser }) => {
  const desk = new Desk(browser, { scripts: true });
  const agent = new Agent({ keepAlive: true, maxSockets: Infinity });
  const open: ClientRequest[] = [];
  for (let person = 0; person < STREAMS / EACH; person++) {
    const cookie = await cookies(desk, `reader-${person}`);
    await Promise.all(Array.from({ length: EACH }, () => stream(cookie, agent, open)));
  }
  const page = await desk.of('viewer');
  await page.goto('/builds');
  await live(page);
  const took: number[] = [];
  // The first warms up and does not count.
  for (let run = -1; run < Math.max(runs, 20); run++) {
    const tag = `release-v5.12.22.${String(run + 2).padStart(2, '0')}`;
    const visible = seen(page, tag);
    await pause(300);
    const body = told(tag);
    const sent = performance.timeOrigin + performance.now();
    const answer = await fetch(world().hook, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    if (answer.status !== 202) throw new Error(`the delivery was answered ${answer.status}`);
    const at = await visible;
    if (run >= 0) took.push(at - sent);
  }
  for (const call of open) call.destroy();
  say(
    `Delivery to visible with ${STREAMS} open streams`,
    [`median  ${ms(quantile(took, 0.5))} (bar 25 ms)`, `p95     ${ms(quantile(took, 0.95))} (bar 60 ms)`],
    `From the first byte of a push's webhook to its row in the DOM of the Builds page in Chromium, ${took.length} times, while ${STREAMS} other streams of ${STREAMS / EACH} people are open and get every hint. Browser, streams and server share the machine.`,
  );
  await desk.close();
});
