import { once } from 'node:events';
import { Agent, type IncomingMessage, type RequestOptions, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { startSession } from '../../src/domain/sessions/start.ts';
import type { Site } from './site.ts';
import { percentile, type Row } from './table.ts';

const WRITERS = 50;
const READERS = 200;
const SECONDS = 10;

/** The average pause between a writer's posts, in milliseconds. Together they fill the first page within a second. */
const WRITER_PAUSE_MS = 2_000;
const READER_PAUSE_MS = 100;

/** Measures how late visitors see what others publish. */
export async function benchPublishing(site: Site): Promise<Row[]> {
  const crowd = new Crowd(site);
  const writers = Array.from({ length: WRITERS }, (_, index) => crowd.write(index + 1));
  const readers = Array.from({ length: READERS }, () => crowd.read());
  await Promise.all([...writers, ...readers]);
  const { published } = crowd;
  const lags = crowd.lags();
  return [
    { what: `${WRITERS} writers publish`, value: published.length / SECONDS, unit: 'posts/s' },
    { what: `${READERS} visitors read`, value: lags.length / SECONDS, unit: 'pages/s' },
    { what: 'staleness of a page, p99', value: percentile(lags, 0.99), unit: 'ms' },
    { what: 'staleness of a page, maximum', value: Math.max(...lags), unit: 'ms' },
  ];
}

interface Published {
  readonly id: number;
  /** When its author got the response. */
  readonly at: number;
}

interface Read {
  /** The highest post id on the page. */
  readonly newest: number;
  readonly requestedAt: number;
}

class Crowd {
  readonly published: Published[] = [];
  readonly #reads: Read[] = [];
  readonly #site: Site;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: WRITERS + READERS });
  readonly #endsAt = performance.now() + SECONDS * 1000;

  constructor(site: Site) {
    this.#site = site;
  }

  /** Publishes regularly, and checks each time that the post is on the author's next page. */
  async write(userId: number): Promise<void> {
    const { app, target } = this.#site;
    const cookie = `session=${await startSession(app.db, { userId, isRemembered: false })}`;
    for (let number = 1; ; number += 1) {
      await sleep(WRITER_PAUSE_MS * (0.5 + Math.random()));
      if (performance.now() > this.#endsAt) return;
      const words = `Benchmark ${userId}.${number}.`;
      const headers = { cookie, 'content-type': 'application/x-www-form-urlencoded' };
      await this.#send(target('/').url, { method: 'POST', headers, status: 303 }, `body=${words}`);
      const at = performance.now();
      const page = await this.#send(target('/').url, { headers: { cookie } });
      const id = idsOn(page.slice(0, page.indexOf(words))).at(-1);
      if (!page.includes(words) || id === undefined) throw new Error('an author’s own post is missing');
      this.published.push({ id, at });
    }
  }

  async read(): Promise<void> {
    const { url } = this.#site.target('/');
    while (performance.now() < this.#endsAt) {
      const requestedAt = performance.now();
      this.#reads.push({ newest: idsOn(await this.#send(url))[0] ?? 0, requestedAt });
      await sleep(READER_PAUSE_MS * (0.5 + Math.random()));
    }
  }

  /** How stale each page was: the age of its oldest missing post, in milliseconds. */
  lags(): number[] {
    return this.#reads.map(({ newest, requestedAt }) => {
      const missing = this.published.filter(({ id, at }) => id > newest && at < requestedAt);
      return Math.max(0, ...missing.map(({ at }) => requestedAt - at));
    });
  }

  async #send(
    url: string,
    { status = 200, ...options }: RequestOptions & { status?: number } = {},
    body = '',
  ) {
    const sent = request(url, { agent: this.#agent, ...options });
    sent.end(body);
    const [response]: IncomingMessage[] = await once(sent, 'response');
    if (response?.statusCode !== status) throw new Error(`${url} responded with ${response?.statusCode}`);
    return text(response);
  }
}

/** The ids of the posts on a page, in order. */
function idsOn(html: string): number[] {
  return [...html.matchAll(/href="\/post\/(\d+)"/g)].map(([, id]) => Number(id));
}
