import sparticuz from '@sparticuz/chromium';
import axe from 'axe-core';
import type { FastifyInstance } from 'fastify';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import type { Test } from 'tap';

/** A real Chromium: the one in the packages, or the one that CHROMIUM_PATH names. It closes with the test. */
export async function launchBrowser(t: Test): Promise<Browser> {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM_PATH ?? (await sparticuz.executablePath()),
    args: sparticuz.args,
    headless: true,
  });
  t.teardown(() => browser.close());
  return browser;
}

/** Lets an app answer on loopback. Returns the site's address. */
export function listen(app: FastifyInstance): Promise<string> {
  return app.listen({ host: '127.0.0.1', port: 0 });
}

/** A page whose console errors and policy violations fail the test. */
export async function openPage(
  t: Test,
  browser: Browser,
  options: BrowserContextOptions = {},
): Promise<Page> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.on('console', (message) => {
    const isExpected = message.text().includes('422'); // Chromium reports a refused form's status as an error.
    if (message.type() === 'error' && !isExpected) t.fail(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => t.fail(`page error: ${error.message}`));
  return page;
}

/** What axe finds wrong with a page, one line each. */
export async function accessibilityFaults(page: Page): Promise<string[]> {
  const results = await page.evaluate(`(() => { ${axe.source}; return axe.run(); })()`);
  const { violations } = results as axe.AxeResults;
  return violations.flatMap(({ id, help, nodes }) => nodes.map(({ html }) => `${id}: ${help}: ${html}`));
}
