import axe from 'axe-core';
import type { FastifyInstance } from 'fastify';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import type { Test } from 'tap';
import { launchChromium } from '../../scripts/support/chromium.ts';
import { PASSWORD } from './factories.ts';

/** A real Chromium that closes with the test. */
export async function launchBrowser(t: Test): Promise<Browser> {
  const browser = await launchChromium();
  t.teardown(() => browser.close());
  return browser;
}

/** Ends what hangs; Playwright's own 30 s are too few for a busy machine. */
const LIMIT_MS = 120_000;

/** Lets an app answer on loopback. Returns the site's address. */
export function listen(app: FastifyInstance): Promise<string> {
  return app.listen({ host: '127.0.0.1', port: 0 });
}

/** A page whose console errors and policy violations fail the test. Nothing moves in it, so that it can be judged. */
export async function openPage(
  t: Test,
  browser: Browser,
  options: BrowserContextOptions = {},
): Promise<Page> {
  const context = await browser.newContext({ reducedMotion: 'reduce', ...options });
  context.setDefaultTimeout(LIMIT_MS);
  const page = await context.newPage();
  page.on('console', (message) => {
    const isExpected = /status of 4\d\d/.test(message.text()); // Chromium reports a page's own status as an error.
    if (message.type() === 'error' && !isExpected) t.fail(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => t.fail(`page error: ${error.message}`));
  return page;
}

/** Logs in by the form, as somebody whom `createUser` has made. */
export async function logIn(page: Page, site: string, email: string): Promise<void> {
  await page.goto(`${site}/auth/login`);
  await page.fill('#email', email);
  await page.fill('#password', PASSWORD);
  await page.click('main button');
  await page.waitForURL(`${site}/`);
}

/** What axe finds wrong with a page, one line each. */
export async function accessibilityFaults(page: Page): Promise<string[]> {
  const results = await page.evaluate(`(() => { ${axe.source}; return axe.run(); })()`);
  const { violations } = results as axe.AxeResults;
  return violations.flatMap(({ id, help, nodes }) => nodes.map(({ html }) => `${id}: ${help}: ${html}`));
}
