import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type axe from 'axe-core';
import type { FastifyInstance } from 'fastify';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import root, { type Test } from 'tap';
import { launchChromium } from '../../scripts/support/chromium.ts';
import { PASSWORD } from './factories.ts';

/** The package's main file is twice as large, and each page has to parse it. */
const AXE = await readFile(fileURLToPath(import.meta.resolve('axe-core/axe.min.js')), 'utf8');

/** The process's Chromium, started for the first page. */
let browser: Promise<Browser> | undefined;
root.after(async () => (await browser)?.close());
root.teardown(() => {}); // Only then does tap end while the browser runs.

/** The cumulative layout shift, as measured by Chromium. */
export const LAYOUT_SHIFT = `new Promise((resolve) => {
  let sum = 0;
  new PerformanceObserver((list) => { for (const entry of list.getEntries()) sum += entry.value; })
    .observe({ type: 'layout-shift', buffered: true });
  requestAnimationFrame(() => requestAnimationFrame(() => resolve(sum)));
})`;

/** Only ends tests that hang. Playwright's 30 s are too short for a busy machine. */
const LIMIT_MS = 120_000;

/**
 * Listens on loopback, or leaves that to other processes if `npm run ha` runs the tests. Returns the site's address.
 *
 * @param options.worksQueues whether the test is the worker itself
 */
export async function listen(
  t: Test,
  app: FastifyInstance,
  options: { worksQueues?: boolean } = {},
): Promise<string> {
  if (process.env.TEST_PGBOUNCER_PORT === undefined) return app.listen({ host: '127.0.0.1', port: 0 });
  const { startFleet } = await import('./fleet.ts');
  await app.ready();
  return startFleet(t, app, options);
}

/**
 * Opens a page in a new browser profile, which closes with the test. Console errors and policy violations fail
 * the test. Animations are off.
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

/** A phone at night without JavaScript, and a desktop in daylight with it. */
export const LOOKS = [
  { javaScriptEnabled: false, colorScheme: 'dark', viewport: { width: 320, height: 700 } },
  { javaScriptEnabled: true, colorScheme: 'light', viewport: { width: 1440, height: 900 } },
] as const;

/** Asserts that a page opened with one of these looks is accessible, and fits its width. */
export async function assertSound(
  t: Test,
  page: Page,
  { javaScriptEnabled, viewport }: (typeof LOOKS)[number],
  what: string,
): Promise<void> {
  await page.waitForLoadState();
  if (javaScriptEnabled) t.same(await accessibilityFaults(page), [], `${what} is accessible`);
  const width = await page.evaluate('document.documentElement.scrollWidth');
  t.ok(Number(width) <= viewport.width, `${what} does not scroll sideways`);
}

/** Logs in through the form, as a user from `createUser`. */
export async function logIn(page: Page, site: string, email: string): Promise<void> {
  await page.goto(`${site}/auth/login`);
  await page.fill('#email', email);
  await page.fill('#password', PASSWORD);
  await page.click('main button');
  await page.waitForURL(`${site}/`);
}

/** Loads axe with each of a page's documents, which costs half of what `accessibilityFaults` needs to load it. */
export function preloadAxe(page: Page): Promise<unknown> {
  return page.addInitScript(AXE);
}

/**
 * Lists axe's violations, one line each.
 *
 * @param options.rules checks only these
 * @param options.except selectors of elements to leave out
 */
export async function accessibilityFaults(
  page: Page,
  { rules, except = [] }: { rules?: readonly string[]; except?: readonly string[] } = {},
): Promise<string[]> {
  const isLoaded = await page.evaluate<boolean>('"axe" in window');
  if (!isLoaded) await page.evaluate(AXE);
  const context: axe.ContextObject = { exclude: except.map((selector) => [selector]) };
  const options: axe.RunOptions = {
    resultTypes: ['violations'], // Transferring passed checks takes long.
    preload: false, // Only rules that are off by default read style sheets.
    ...(rules && { runOnly: [...rules] }),
  };
  const run = `axe.run(${JSON.stringify(context)}, ${JSON.stringify(options)}).then(({ violations }) => violations)`;
  const violations: axe.Result[] = await page.evaluate(run);
  return violations.flatMap(({ id, help, nodes }) => nodes.map(({ html }) => `${id}: ${help}: ${html}`));
}
