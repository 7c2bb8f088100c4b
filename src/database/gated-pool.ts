import type { CircuitBreaker, DatabaseUse } from './circuit-breaker.ts';
import type { Gate } from './gate.ts';
import type { NamingClient, NamingPool } from './prepared-statements.ts';

interface Gated {
  readonly gate: Gate;
  readonly breaker: CircuitBreaker;
  /** The current request; undefined in jobs and long requests. */
  readonly currentUse: () => DatabaseUse | undefined;
  /** Whether the current work goes before all others. */
  readonly isUrgent: () => boolean;
  /** How long anything but a request may wait, in milliseconds. */
  readonly waitMs: number;
}

/**
 * Wraps a pool so that requests wait their turn for its connections. When a connection is lost, those that were idle at the time
 * are closed too.
 */
export function gated(pool: NamingPool, { gate, breaker, currentUse, isUrgent, waitMs }: Gated): NamingPool {
  const usedAt = new WeakMap<NamingClient, number>();
  let lostAt = Number.NEGATIVE_INFINITY;
  return {
    options: pool.options,
    end: () => pool.end(),
    async connect() {
      const use = currentUse();
      if (use === undefined)
        await gate.enter({ isUrgent: isUrgent(), isVital: true, hasBegun: true, waitMs });
      else await admit(use);
      try {
        const client = await connect();
        const { release } = client;
        client.release = (destroy) => {
          if (destroy) lostAt = performance.now();
          else usedAt.set(client, performance.now());
          release.call(client, destroy);
          gate.leave();
        };
        return client;
      } catch (error) {
        gate.leave();
        throw error;
      }
    },
  };

  async function connect(): Promise<NamingClient> {
    for (;;) {
      const client = await pool.connect();
      if ((usedAt.get(client) ?? lostAt) >= lostAt) return client;
      client.release(true);
    }
  }

  async function admit(use: DatabaseUse): Promise<void> {
    if (!use.hasBegun) breaker.check(use);
    await gate.enter({ ...use, waitMs: use.deadline - performance.now() });
    if (use.hasBegun) return;
    try {
      breaker.begin(use);
    } catch (refusal) {
      gate.leave();
      throw refusal;
    }
  }
}
