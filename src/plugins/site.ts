import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { loadSettings, type SiteSettings } from '../domain/site/settings.ts';
import { shortWork } from './work.ts';

declare module 'fastify' {
  interface FastifyInstance {
    site: Site;
  }
}

export interface Site {
  /** At most two seconds old, except during an outage of the database. Reading it never waits. */
  readonly settings: SiteSettings;
  /** When this process last noticed a change, on the clock of `performance.now()`. */
  readonly changedAt: number;
  /** Loads the settings again. Call it after a change, so that this process shows it at once. */
  refresh(): Promise<void>;
}

/** How late a process may notice another one's change. */
const REFRESH_MS = 2_000;

const LABEL = 'settings of the site';

/** Provides `app.site`. Loads the settings on the connection for health checks, so that no page waits for them. */
export default fp(
  async (app) => {
    let refreshing = Promise.resolve();
    const load = async (): Promise<void> => {
      const loaded = await loadSettings(app.reserved);
      if (isDeepStrictEqual(loaded, site.settings)) return;
      site.settings = loaded;
      site.changedAt = performance.now();
    };
    const site = {
      settings: await loadSettings(app.reserved),
      changedAt: -Infinity,
      refresh(): Promise<void> {
        // One at a time, so that an older state never replaces a newer one.
        refreshing = refreshing.catch(() => {}).then(load);
        return refreshing;
      },
    };
    app.decorate('site', site);
    if (app.role !== 'command') refreshRegularly(app);
  },
  { name: 'site', dependencies: ['db', 'work'] },
);

function refreshRegularly(app: FastifyInstance): void {
  const closing = new AbortController();
  const { signal } = closing;
  const keepFresh = async () => {
    for (;;) {
      await sleep(REFRESH_MS, undefined, { signal, ref: false }).catch(() => {});
      if (signal.aborted) return;
      // The deadline makes the pool replace a silent connection, so that health checks soon have another one.
      await app.work.run(shortWork(app, LABEL), app.site.refresh).catch((error: unknown) => {
        if (!signal.aborted) app.outages.logFailure(error, {}, 'could not read the settings of the site');
      });
    }
  };
  void keepFresh();
  app.addHook('onClose', async () => closing.abort());
}
