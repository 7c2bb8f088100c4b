import { loadConfig } from '../../src/config.ts';
import type { ActionLimits, RateLimits } from '../../src/limits.ts';

export const WIDE = { points: 100_000, seconds: 60 };

/** The configuration with some limits replaced. A number is a limit per account and minute. */
export function withLimits(changes: Partial<Record<keyof RateLimits, number | ActionLimits>>) {
  const { rateLimits } = loadConfig({});
  const replaced = Object.entries(changes).map(([action, limit]) => [
    action,
    typeof limit === 'number' ? { account: { points: limit, seconds: 60 }, address: WIDE } : limit,
  ]);
  return { config: { rateLimits: { ...rateLimits, ...Object.fromEntries(replaced) } } };
}
