import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { buildApp } from '../src/app.ts';
import { loadConfig } from '../src/config.ts';
import { runMain } from '../src/run-main.ts';
import { openScope } from '../test/support/scope.ts';
import { launchChromium } from './support/chromium.ts';
import { EXAMPLE_EMAIL, fillExampleSite } from './support/example-site.ts';
import { migrateToLatest } from './support/migrate.ts';
import { openTemporaryCluster } from './support/temporary-cluster.ts';

/** `npm run screenshots`: takes screenshots of the main pages of a small site and saves them in `docs/screenshots`. */

const FOLDER = join(import.meta.dirname, '..', 'docs', 'screenshots');

const SCREENS = {
  desktop: { width: 1100, height: 800 },
  phone: { width: 390, height: 800 },
} as const;

const PASSWORD = 'penny black';

/** What visitors see, and what people see who have logged in, as paths by file name. */
interface Shots {
  readonly visitor: Readonly<Record<string, string>>;
  readonly member: Readonly<Record<string, string>>;
}

await runMain(async () => {
  await using scope = openScope();
  const databaseUrl = (await openTemporaryCluster(scope, tmpdir())).url('postgres');
  await migrateToLatest(databaseUrl, () => {});
  const app = buildApp(
    loadConfig({ DATABASE_URL: databaseUrl, SMTP_URL: 'smtp://127.0.0.1:1', LOG_LEVEL: 'error' }),
  );
  scope.teardown(() => app.close());
  const site = await app.listen({ host: '127.0.0.1', port: 0 });
  const browser = await launchChromium();
  scope.teardown(() => browser.close());
  const postId = await fillExampleSite(app, PASSWORD);
  await mkdir(FOLDER, { recursive: true });
  await shootAll(browser, site, {
    visitor: { home: '/', post: `/post/${postId}`, profile: '/user/susan', search: '/search?q=letter' },
    member: { notifications: '/notifications' },
  });
});

async function shootAll(browser: Browser, site: string, { visitor, member }: Shots): Promise<void> {
  for (const [screen, viewport] of Object.entries(SCREENS)) {
    for (const colorScheme of ['light', 'dark'] as const) {
      const context = await browser.newContext({
        colorScheme,
        viewport,
        reducedMotion: 'reduce',
        locale: 'en-GB',
      });
      const page = await context.newPage();
      const look = `${screen}-${colorScheme}`;
      await shoot(page, site, visitor, look);
      await page.goto(`${site}/auth/login`);
      await page.fill('#email', EXAMPLE_EMAIL);
      await page.fill('#password', PASSWORD);
      await page.click('main button');
      await page.waitForURL(`${site}/`);
      await shoot(page, site, member, look);
      await context.close();
    }
  }
}

async function shoot(
  page: Page,
  site: string,
  paths: Readonly<Record<string, string>>,
  look: string,
): Promise<void> {
  for (const [name, path] of Object.entries(paths)) {
    await page.goto(site + path);
    const file = `${name}-${look}.jpg`;
    await page.screenshot({ path: join(FOLDER, file), type: 'jpeg', quality: 85 });
    console.log(`docs/screenshots/${file}`);
  }
}
