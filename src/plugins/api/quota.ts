import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { addCounts } from '../../domain/shared-counts.ts';
import { TooManyRequests } from '../../errors.ts';
import { RequestCounter } from '../../http/request-counter.ts';
import { Repeater } from '../../queue/index.ts';
import { addressKey } from '../rate-limits.ts';

/** How often processes share their counts. */
const SHARE_MS = 1_000;

/**
 * Limits requests per account, or per visitor's IP address, across all tokens and processes. Every response says how many are left,
 * in the headers of draft-ietf-httpapi-ratelimit-headers-10, and in the three of earlier versions that more clients read.
 */
export default fp(
  async (app) => {
    if (!app.config.rateLimitsEnabled) return;
    const { points, seconds } = app.config.apiRateLimit;
    const counter = new RequestCounter(seconds * 1000, (counts, windowEnd) =>
      shareCounts(app, counts, windowEnd),
    );
    shareRegularly(app, counter);
    app.addHook('onRequest', async ({ caller, ip }, reply) => {
      const [policy, key] = caller === null ? ['address', addressKey(ip)] : ['account', String(caller.id)];
      const { count, secondsLeft } = counter.add(key);
      const left = Math.max(0, points - count);
      reply.headers({
        'ratelimit-policy': `"${policy}";q=${points};w=${seconds}`,
        ratelimit: `"${policy}";r=${left};t=${secondsLeft}`,
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

/** Shares counts until the app closes. While the database is unreachable, each process counts on its own. */
function shareRegularly(app: FastifyInstance, counter: RequestCounter): void {
  const sharing = new Repeater(() => counter.share(), {
    everyMs: SHARE_MS,
    onFailure: (err) => app.log.warn({ err }, 'could not share the counts of API requests'),
  });
  app.addHook('onClose', () => sharing.stop());
}
