// People at their desks: a browser context for each, signed in, with or without scripts.

import { expect, type Browser, type BrowserContext, type Locator, type Page } from '@playwright/test';
import { world, type Person } from './world';

/** How a story is told: `scripts` says whether the browser runs any. */
export interface Mode {
  scripts: boolean;
  locale?: string;
}

type Cookies = Awaited<ReturnType<BrowserContext['cookies']>>;
const signedIn = new Map<Person, Cookies>();

export class Desk {
  private readonly contexts: BrowserContext[] = [];
  private readonly pages = new Map<Person, Page>();

  constructor(
    private readonly browser: Browser,
    private readonly mode: Mode,
  ) {}

  /** A page of this person, who has signed in. */
  async of(person: Person): Promise<Page> {
    const known = this.pages.get(person);
    if (known) return known;
    const context = await this.context();
    const cookies = signedIn.get(person);
    const page = await context.newPage();
    page.on('dialog', (dialog) => {
      throw new Error(`a dialog opened: ${dialog.message()}`);
    });
    if (cookies) {
      await context.addCookies(cookies);
    } else {
      await signIn(page, person);
      signedIn.set(person, await context.cookies());
    }
    this.pages.set(person, page);
    return page;
  }

  /** A context of nobody. */
  async context(): Promise<BrowserContext> {
    const context = await this.browser.newContext({
      javaScriptEnabled: this.mode.scripts,
      baseURL: world().address,
      locale: this.mode.locale ?? 'en-US',
      viewport: { width: 1440, height: 900 },
    });
    this.contexts.push(context);
    return context;
  }

  /** Waits until `locator` is there: live with scripts, by looking again without. */
  async until(page: Page, locator: Locator, seconds = 30): Promise<void> {
    if (this.mode.scripts) {
      await expect(locator).toBeVisible({ timeout: seconds * 1000 });
      return;
    }
    await expect(async () => {
      await page.goto(page.url().replace(/[?&]flash=[^&#]*/, ''));
      await expect(locator).toBeVisible({ timeout: 200 });
    }).toPass({ timeout: seconds * 1000, intervals: [200] });
  }

  async close(): Promise<void> {
    for (const context of this.contexts) await context.close();
  }
}

export async function signIn(page: Page, person: Person): Promise<void> {
  await page.goto('/login');
  const form = page.locator('form[action="/login"]');
  await form.locator('input[name=name]').fill(person);
  await form.locator('input[name=password]').fill(world().passwords[person]);
  await form.getByRole('button').click();
  await expect(page).toHaveURL(/\/builds/);
}

/** Once the islands have woken and the stream is open. */
export async function live(page: Page): Promise<void> {
  await expect(page.locator('#live-word')).toHaveText('live');
}
