import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { addCounts } from '../../domain/shared-counts.ts';
import { TooManyRequests } from '../../errors.ts';
import { RequestCounter } from '../../http/request-counter.ts';

/** How often the processes tell each other what they counted. */
const SHARE_MS = 1_000;

/**
 * Limits how much an account may ask for, whatever tokens it has and over all processes, and says in each answer what is left: in the fields of
 * draft-ietf-httpapi-ratelimit-headers-10, and in the three of its earlier versions, which more clients read.
 */
export default fp(
  async (app) => {
    if (!app.config.rateLimitsEnabled) return;
    const { points, seconds } = app.config.apiRateLimit;
    const counter = new RequestCounter(seconds * 1000, (counts, windowEnd) =>
      shareCounts(app, counts, windowEnd),
    );
    shareNowAndThen(app, counter);
    app.addHook('onRequest', async ({ caller }, reply) => {
      const { count, secondsLeft } = counter.add(String(caller.id));
      const left = Math.max(0, points - count);
      reply.headers({
        'ratelimit-policy': `"account";q=${points};w=${seconds}`,
        ratelimit: `"account";r=${left};t=${secondsLeft}`,
        'ratelimit-limit': points,
        'ratelimit-remaining': left,
        'ratelimit-reset': secondsLeft,
      });
      if (count > points) throw new TooManyRequests(secondsLeft);
    });
  },
  { name: 'api-quota', dependencies: ['db', 'api-authentication'] },
);

async function shareCounts({ db }: FastifyInstance, counts: ReadonlyMap<string, number>, windowEnd: number) {
  const prefix = `api-${windowEnd}-`;
  const named = new Map([...counts].map(([key, count]) => [prefix + key, count]));
  const totals = await addCounts(db, named, windowEnd);
  return new Map([...totals].map(([key, count]) => [key.slice(prefix.length), count]));
}

/** Shares as long as the app runs. While the database is away, each process counts for itself. */
function shareNowAndThen(app: FastifyInstance, counter: RequestCounter): void {
  let underWay: Promise<void> | undefined;
  const timer = setInterval(() => {
    underWay ??= counter
      .share()
      .catch((error: unknown) => app.log.warn({ err: error }, 'the counts of API requests were not shared'))
      .finally(() => {
        underWay = undefined;
      });
  }, SHARE_MS);
  app.addHook('onClose', async () => {
    clearInterval(timer);
    await underWay;
  });
}
