// What makes an open page live, piece by piece. The page, its scripts and its rules are the
// server's own; what stands in its live part, and when a hint comes, is for the story to say.

import { expect, test, type Browser, type Page } from '@playwright/test';
import { Desk } from '../world/desk';

/** The page under test: what its live part holds now, and how often it was read anew. */
class Stage {
  content = '';
  looks = 0;
  /** What a look is answered with, where it is not the page. */
  instead: { status: number; headers?: Record<string, string> } | null = null;
  /** One more island on the page, beside its live part. */
  island = '';

  private constructor(
    readonly desk: Desk,
    readonly page: Page,
  ) {}

  static async of(browser: Browser, content: string, locale = 'en-US'): Promise<Stage> {
    const desk = new Desk(browser, { scripts: true, locale });
    const stage = new Stage(desk, await desk.of('viewer'));
    stage.content = content;
    await stage.page.addInitScript(streams);
    await stage.page.route(/\/environments(\?.*)?$/, async (route) => {
      const live = route.request().headers()['x-slipway-live'] === '1';
      if (live) stage.looks += 1;
      if (live && stage.instead) return route.fulfill(stage.instead);
      const response = await route.fetch();
      const island = stage.island && `<leptos-island data-component="${stage.island}"></leptos-island>`;
      const html = (await response.text()).replace(/(data-live="environments"[^>]*>)[\s\S]*(<\/main>)/, (_, open, close) => `${open}${stage.content}</div>${island}${close}`);
      return route.fulfill({ response, body: html });
    });
    await stage.page.goto('/environments');
    await stage.say('hello');
    await expect(stage.page.locator('#live-word')).toHaveText(locale === 'zh-CN' ? '实时' : 'live');
    await expect.poll(() => stage.looks).toBe(1);
    return stage;
  }

  /** The server says something on the newest stream. */
  async say(event: string, data = '{}', path = '/events'): Promise<void> {
    await this.page.waitForFunction((path) => window.streams.some((s) => s.url.includes(path) && s.readyState < 2), path);
    await this.page.evaluate(
      ([event, data, path]) => {
        const stream = window.streams.filter((s) => s.url.includes(path)).at(-1)!;
        stream.dispatchEvent(event === 'error' ? new Event('error') : new MessageEvent(event, { data }));
      },
      [event, data, path],
    );
  }

  /** The page changes, and a hint says so. */
  async becomes(content: string): Promise<void> {
    this.content = content;
    const before = this.looks;
    await this.say('message');
    await expect.poll(() => this.looks).toBeGreaterThan(before);
  }

  async hide(hidden: boolean): Promise<void> {
    await this.page.evaluate((hidden) => {
      Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });
      document.dispatchEvent(new Event('visibilitychange'));
    }, hidden);
  }
}

interface Stream extends EventTarget {
  url: string;
  readyState: number;
}
declare global {
  interface Window {
    streams: Stream[];
    marks: Record<string, Element>;
  }
}

/** Streams that the story speaks on. */
function streams(): void {
  window.streams = [];
  window.EventSource = class extends EventTarget {
    readyState = 0;
    constructor(readonly url: string) {
      super();
      window.streams.push(this);
    }
    close() {
      this.readyState = 2;
    }
  } as unknown as typeof EventSource;
}

const row = (id: string, text: string, more = '') => `<tr id="${id}"><td>${text}</td><td>${more}</td></tr>`;
const table = (...rows: string[]) => `<table><tbody>${rows.join('')}</tbody></table>`;

test('a new row comes in on top and is lit, and the others are not touched', async ({ browser }) => {
  const stage = await Stage.of(browser, table(row('b', 'two'), row('c', 'three'), row('d', 'four')));
  await stage.page.evaluate(() => {
    window.marks = { b: document.getElementById('b')!, d: document.getElementById('d')! };
  });
  await stage.becomes(table(row('a', 'one'), row('b', 'two'), row('d', 'four, changed')));
  await expect(stage.page.locator('tbody tr td:first-child')).toHaveText(['one', 'two', 'four, changed']);
  await expect(stage.page.locator('tr.fresh')).toHaveId('a');
  expect(await stage.page.evaluate(() => window.marks.b === document.getElementById('b') && window.marks.d === document.getElementById('d'))).toBe(true);
  await expect(stage.page.locator('tr.fresh')).toHaveCount(0);
  await stage.desk.close();
});

test('rows change places as the server says', async ({ browser }) => {
  const ids = ['a', 'b', 'c', 'd', 'e'];
  const stage = await Stage.of(browser, table(...ids.map((id) => row(id, id))));
  for (const order of ['edcba', 'aebdc', 'ca', 'xcya', '', 'abcde']) {
    await stage.becomes(table(...[...order].map((id) => row(id, id))));
    await expect(stage.page.locator('tbody tr td:first-child')).toHaveText([...order]);
  }
  await stage.desk.close();
});

test('what one is at stays: the half-filled form, the open fold, the focus, the selected text', async ({ browser }) => {
  const form = (hint: string) => `<form><label>Note <input name="note"></label><p class="hint">${hint}</p></form>`;
  const part = (n: number) => `
    <p id="count">${n}</p><details><summary>More</summary><p>inside ${n}</p></details>
    <p id="chosen">select these words</p><a href="/builds" id="way">way</a>${n > 1 ? '<p>news</p>' : ''}${form(`hint ${n}`)}
    <div data-keep="">told once</div>`;
  const stage = await Stage.of(browser, part(1));
  const { page } = stage;
  await page.locator('summary', { hasText: 'More' }).click();
  await page.getByLabel('Note').fill('half a sentence');
  await page.locator('#way').focus();
  await page.evaluate(() => getSelection()!.selectAllChildren(document.getElementById('chosen')!));
  await stage.becomes(part(2).replace('told once', ''));
  await expect(page.locator('#count')).toHaveText('2');
  await expect(page.getByText('inside 2')).toBeVisible();
  await expect(page.getByText('news')).toBeVisible();
  await expect(page.getByLabel('Note')).toHaveValue('half a sentence');
  await expect(page.getByText('hint 1')).toBeVisible();
  await expect(page.getByText('told once')).toBeVisible();
  await expect(page.locator('#way')).toBeFocused();
  expect(await page.evaluate(() => String(getSelection()))).toBe('select these words');
  // Emptied again, the form is nobody's, and follows the server.
  await page.getByLabel('Note').fill('');
  await page.locator('#way').focus();
  await stage.becomes(part(3));
  await expect(page.getByText('hint 3')).toBeVisible();
  // A part that goes takes no begun work with it.
  await page.getByLabel('Note').fill('again');
  await stage.becomes('<p id="count">4</p>');
  await expect(page.locator('#count')).toHaveText('4');
  await expect(page.getByLabel('Note')).toHaveValue('again');
  await stage.desk.close();
});

test('a burst of hints costs few looks, and a hidden page costs none until it is seen', async ({ browser }) => {
  const stage = await Stage.of(browser, '<p id="count">1</p>');
  const { page } = stage;
  const before = stage.looks;
  const took = await page.evaluate(async () => {
    const began = performance.now();
    for (let n = 0; n < 100; n += 1) {
      window.streams.at(-1)!.dispatchEvent(new MessageEvent('message', { data: '{}' }));
      await new Promise((go) => setTimeout(go, 10));
    }
    return performance.now() - began;
  });
  // Three may follow closely, one comes each 250 ms, and one may have been under way.
  expect(stage.looks - before).toBeLessThanOrEqual(took / 250 + 4);
  stage.content = '<p id="count">2</p>';
  await stage.say('message');
  await expect(page.locator('#count')).toHaveText('2');
  await stage.hide(true);
  const hidden = stage.looks;
  stage.content = '<p id="count">3</p>';
  for (let n = 0; n < 5; n += 1) await stage.say('resync');
  await page.waitForTimeout(400);
  expect(stage.looks).toBe(hidden);
  await stage.hide(false);
  await expect(page.locator('#count')).toHaveText('3');
  expect(stage.looks).toBe(hidden + 1);
  await stage.desk.close();
});

test('a page that was hidden long gives its stream back, and looks again when it is seen', async ({ browser }) => {
  const stage = await Stage.of(browser, '<p id="count">1</p>');
  const open = () => stage.page.evaluate(() => window.streams.filter((s) => s.readyState < 2).length);
  await stage.hide(true);
  await expect.poll(open, { timeout: 15_000 }).toBe(0);
  stage.content = '<p id="count">2</p>';
  await stage.hide(false);
  await expect.poll(open).toBe(1);
  await stage.say('hello');
  await expect(stage.page.locator('#count')).toHaveText('2');
  await stage.desk.close();
});

test('a lost stream is opened again for ever, and the page says how it stands', async ({ browser }) => {
  const stage = await Stage.of(browser, '<p id="count">1</p>');
  const word = stage.page.locator('#live-word');
  for (let n = 0; n < 4; n += 1) {
    await stage.say('error');
    await expect(word).toHaveText('reconnecting');
  }
  stage.content = '<p id="count">2</p>';
  await stage.say('hello');
  await expect(word).toHaveText('live');
  await expect(stage.page.locator('#count')).toHaveText('2');
  await stage.desk.close();
});

test('who was signed out is told so, and nothing more is asked', async ({ browser }) => {
  const stage = await Stage.of(browser, '<p id="count">1</p>');
  stage.instead = { status: 303, headers: { location: '/login?next=%2Fenvironments' } };
  await stage.say('error');
  await stage.say('error');
  await expect(stage.page.locator('#live-word')).toHaveText('signed out');
  const looks = stage.looks;
  await stage.page.waitForTimeout(1000);
  expect(stage.looks).toBe(looks);
  expect(await stage.page.evaluate(() => window.streams.every((s) => s.readyState === 2))).toBe(true);
  await expect(stage.page.locator('#count')).toHaveText('1');
  await stage.desk.close();
});

test('a newer release is loaded whole, but not over begun work', async ({ browser }) => {
  const stage = await Stage.of(browser, '<p id="count">1</p><form><label>Note <input name="note"></label></form>');
  const { page } = stage;
  await page.evaluate(() => Object.assign(window, { old: true }));
  const old = () => page.evaluate(() => 'old' in window);
  await page.getByLabel('Note').fill('begun');
  stage.content = stage.content.replace('1', '2');
  await page.evaluate(() => document.querySelector('link[rel=stylesheet]')!.setAttribute('href', '/pkg/slipway-older.css'));
  await stage.say('message');
  await expect(page.locator('#count')).toHaveText('2');
  expect(await old()).toBe(true);
  await page.getByLabel('Note').fill('');
  await page.locator('#main').focus();
  await stage.say('message');
  await page.waitForFunction(() => !('old' in window));
  await stage.desk.close();
});

test('times tick in the reader\'s own zone and language', async ({ browser }) => {
  const ago = (seconds: number) => new Date(Date.now() - seconds * 1000).toISOString();
  const time = (kind: string, seconds: number) => `<time id="${kind}" datetime="${ago(seconds)}" data-t="${kind}" title="2026-11-24 02:00:00 UTC">then</time>`;
  const content = `${time('ago', 10)}${time('age', 7200)}${time('elapsed', 125)}
    <time id="zone" data-t="clock" data-zone="Asia/Shanghai">Asia/Shanghai</time><time id="odd" data-t="clock" data-zone="Nowhere/Such">Nowhere/Such</time>`;
  for (const [locale, words] of [
    ['en-US', { ago: /^\d\d s ago$/, age: '2 h', elapsed: /^2 min \d\d s$/ }],
    ['zh-CN', { ago: /^\d\d 秒前$/, age: '2 小时', elapsed: /^2 分 \d\d 秒$/ }],
  ] as const) {
    const stage = await Stage.of(browser, content, locale);
    const { page } = stage;
    await expect(page.locator('#ago')).toHaveText(words.ago);
    const before = (await page.locator('#ago').textContent())!;
    await expect(page.locator('#ago')).not.toHaveText(before);
    await expect(page.locator('#ago')).toHaveText(words.ago);
    await expect(page.locator('#age')).toHaveText(words.age);
    await expect(page.locator('#elapsed')).toHaveText(words.elapsed);
    await expect(page.locator('#ago')).toHaveAttribute('title', /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d\d:\d\d$/);
    const there = await page.evaluate(() => new Date().toLocaleTimeString('en-GB', { timeZone: 'Asia/Shanghai', hour: '2-digit', minute: '2-digit' }));
    await expect(page.locator('#zone')).toHaveText(new RegExp(`^${there.slice(0, 3)}`));
    await expect(page.locator('#odd')).toHaveText('Nowhere/Such');
    await stage.desk.close();
  }
});

test('a digest copies whole, `/` finds the search box, a choice sends its form', async ({ browser }) => {
  const stage = await Stage.of(
    browser,
    `<button class="digest" data-copy="sha256:whole" data-copied="Copied">whole1234567</button>
     <form action="/environments"><input type="search" data-search="" name="q"><select name="all" data-send=""><option value="">-</option><option value="1">all</option></select></form>`,
  );
  const { page } = stage;
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.locator('.digest').click();
  await expect(page.locator('.digest')).toHaveText('Copied');
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe('sha256:whole');
  await expect(page.locator('.digest')).toHaveText('whole1234567');
  await page.keyboard.press('/');
  await expect(page.getByRole('searchbox')).toBeFocused();
  await page.keyboard.type('a/b');
  await expect(page.getByRole('searchbox')).toHaveValue('a/b');
  await page.getByRole('combobox').selectOption('1');
  await expect(page).toHaveURL(/\?q=a%2Fb&all=1$/);
  await stage.desk.close();
});

test('a guarded button waits for the word, and a form is sent once', async ({ browser }) => {
  const form = (closed = '', turn = 1) => `<p id="turn">${turn}</p><form method="post" action="/slow">
    <input name="app" data-guard="web" aria-label="App"><button data-guarded="" ${closed}>Start</button></form>`;
  // A form that one types into is not changed: the page has to be there first.
  const becomes = async (closed: string, turn: number) => {
    await stage.becomes(form(closed, turn));
    await expect(page.locator('#turn')).toHaveText(String(turn));
  };
  const stage = await Stage.of(browser, form());
  const { page } = stage;
  let sent = 0;
  await page.route('**/slow', async (route) => {
    sent += 1;
    await new Promise((go) => setTimeout(go, 500));
    await route.fulfill({ body: 'done' });
  });
  const button = page.getByRole('button', { name: 'Start' });
  await expect(button).toBeDisabled();
  await page.getByLabel('App').fill('wep');
  await expect(button).toBeDisabled();
  await page.getByLabel('App').fill('web');
  await expect(button).toBeEnabled();
  await page.getByLabel('App').fill('');
  await page.locator('#main').focus();
  await becomes('disabled', 2);
  await page.getByLabel('App').fill('web');
  await expect(button).toBeDisabled();
  await page.getByLabel('App').fill('');
  await page.locator('#main').focus();
  await becomes('', 3);
  await page.getByLabel('App').fill('web');
  await page.evaluate(() => {
    const button = document.querySelector<HTMLButtonElement>('[data-guarded]')!;
    button.click();
    button.click();
  });
  await expect(page.getByText('done')).toBeVisible();
  expect(sent).toBe(1);
  await stage.desk.close();
});

test('a log is followed line by line, as text, and never grows without end', async ({ browser }) => {
  const stage = await Stage.of(browser, '<p>no log yet</p>');
  const { page } = stage;
  const script = await page.evaluate(async () => (await fetch(/import\("([^"]+)"\)/.exec(document.documentElement.innerHTML)![1])).text());
  stage.content = `<section id="log"><button data-follow="" aria-pressed="true">Follow</button>
    <pre class="log" data-log="/environments/e/logs/web" data-gap="{n} lines were left out" data-end="ended" data-away="away">from the page</pre>
    <p class="log-note">the last lines</p></section>`;
  const later = stage.content;
  stage.content = '<p>no log yet</p>';
  stage.island = /LogTail_\d+/.exec(script)![0];
  await page.goto('/environments');
  // The log comes in a refresh: a service that has just been made.
  stage.content = later;
  await stage.say('hello');
  const [log, note] = [page.locator('.log'), page.locator('.log-note')];
  const say = (event: string, data = '{}') => stage.say(event, data, '/logs/');
  const lines = (...texts: string[]) => JSON.stringify(texts.map((t) => ({ s: t.startsWith('!') ? 'err' : 'out', t })));
  const atEnd = () => log.evaluate((e) => e.scrollHeight - e.scrollTop - e.clientHeight < 5);

  await say('open');
  await say('line', lines('one', '<b>two</b>', '!three'));
  await expect(log).toHaveText('one\n<b>two</b>\n!three');
  await expect(log.locator('b')).toHaveCount(0);
  await expect(log.locator('.err')).toHaveText('!three');
  await say('gap', '{"n":12}');
  await expect(log.locator('.gap')).toHaveText('12 lines were left out');

  for (let n = 0; n < 12; n += 1) await say('line', lines(...Array.from({ length: 500 }, (_, at) => `line ${n}-${at}`)));
  await expect(log).toContainText('line 11-499');
  await expect.poll(() => log.evaluate((e) => e.childNodes.length)).toBe(5000);
  expect(await atEnd()).toBe(true);
  await log.evaluate((e) => e.scrollTo(0, 100));
  await expect(page.getByRole('button', { name: 'Follow' })).toHaveAttribute('aria-pressed', 'false');
  await say('line', lines('while reading above'));
  await expect(log).toContainText('while reading above');
  expect(await atEnd()).toBe(false);
  await page.getByRole('button', { name: 'Follow' }).click();
  await expect.poll(atEnd).toBe(true);

  await say('error');
  await say('error');
  await expect(note).toHaveText('away');
  await say('open');
  await say('line', lines('told again'));
  await expect(log).toHaveText('told again');
  await expect(note).toHaveText('');
  await stage.becomes(`${later}<p>and more</p>`);
  await expect(page.getByText('and more')).toBeVisible();
  await expect(log).toHaveText('told again');
  await say('end');
  await expect(note).toHaveText('ended');
  await stage.desk.close();
});
