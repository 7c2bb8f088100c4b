import axe from 'axe-core';
import type { FastifyInstance } from 'fastify';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import root, { type Test } from 'tap';
import { launchChromium } from '../../scripts/support/chromium.ts';
import { PASSWORD } from './factories.ts';

/** The file's one Chromium, started for the first page. */
let browser: Promise<Browser> | undefined;
root.teardown(async () => (await browser)?.close());

/** Ends what hangs; Playwright's own 30 s are too few for a busy machine. */
const LIMIT_MS = 120_000;

/** Lets an app answer on loopback. Returns the site's address. */
export function listen(app: FastifyInstance): Promise<string> {
  return app.listen({ host: '127.0.0.1', port: 0 });
}

/**
 * Opens a page in a browser profile of its own, which closes with the test. Console errors and policy violations fail
 * the test. Nothing moves in the page, so that it can be judged.
 */
export async function openPage(t: Test, options: BrowserContextOptions = {}): Promise<Page> {
  browser ??= launchChromium();
  const context = await (await browser).newContext({ reducedMotion: 'reduce', ...options });
  t.teardown(() => context.close());
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

/**
 * What axe finds wrong with a page, one line each.
 *
 * @param rules only these, instead of all
 */
export async function accessibilityFaults(page: Page, rules?: readonly string[]): Promise<string[]> {
  const isLoaded = await page.evaluate<boolean>('"axe" in window');
  if (!isLoaded) await page.evaluate(axe.source);
  const options: axe.RunOptions = {
    resultTypes: ['violations'], // What passes would be most of a page, sent between the processes.
    preload: false, // Only rules that are off by default look into style sheets.
    ...(rules && { runOnly: [...rules] }),
  };
  const run = `axe.run(${JSON.stringify(options)}).then(({ violations }) => violations)`;
  const violations: axe.Result[] = await page.evaluate(run);
  return violations.flatMap(({ id, help, nodes }) => nodes.map(({ html }) => `${id}: ${help}: ${html}`));
}
