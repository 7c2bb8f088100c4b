import type { Fault } from './fault.ts';
import { DATABASE, type Site } from './site.ts';

/** Faults of PostgreSQL, and of the network between it and the site. */
export const databaseFaults: readonly Fault[] = [
  {
    name: 'postgres-restarted',
    readers: 'stale or 503',
    seconds: 0,
    cause: ({ postgres }) => postgres.cluster.restart('fast').then(() => undefined),
  },
  {
    name: 'postgres-crashed',
    readers: 'stale or 503',
    seconds: 0,
    cause: ({ postgres }) => postgres.cluster.restart('immediate').then(() => undefined),
  },
  {
    name: 'postgres-down',
    readers: 'stale or 503',
    async cause({ postgres }) {
      await postgres.cluster.stop();
      return () => postgres.cluster.restart('fast');
    },
  },
  {
    name: 'postgres-frozen',
    readers: 'stale or 503',
    async cause({ postgres }) {
      const { thaw } = await postgres.freeze();
      return thaw;
    },
  },
  {
    name: 'database-refuses-connections',
    readers: 'stale or 503',
    async cause({ network }) {
      await network.refuse();
      return () => network.accept();
    },
  },
  {
    name: 'connections-reset',
    readers: 'stale or 503',
    seconds: 0,
    cause: ({ network }) => void network.reset(),
  },
  {
    name: 'database-black-holed',
    readers: 'stale or 503',
    cause({ network }) {
      network.swallow();
      return () => network.heal();
    },
  },
  {
    // New connections work. A worker gives up the others after 6 seconds without an answer.
    name: 'connections-half-open',
    readers: 'stale or 503',
    seconds: 0,
    recovers: 8,
    cause: ({ network }) => void network.silence(),
  },
  {
    name: 'database-2-s-a-packet',
    readers: 'stale or 503',
    cause({ network }) {
      network.latencyMs = 2_000;
      return () => network.heal();
    },
  },
  {
    name: 'database-trickles',
    readers: 'stale or 503',
    cause({ network }) {
      network.packetBytes = 64;
      network.latencyMs = 100;
      return () => network.heal();
    },
  },
  {
    name: 'out-of-connections',
    readers: 'stale or 503',
    async cause({ postgres, ownerUrl }) {
      const taken = await postgres.takeConnections(ownerUrl, DATABASE);
      return () => taken.close();
    },
  },
  {
    name: 'database-read-only',
    readers: 'stale or 503',
    async cause({ postgres }) {
      await postgres.set('default_transaction_read_only', 'on');
      return () => postgres.set('default_transaction_read_only', undefined);
    },
  },
  held('posts-locked', 'lock table posts in access exclusive mode'),
  held('users-locked', 'lock table users in access exclusive mode'),
  held('idle-in-transaction', 'select from users for update; update posts set version = version'),
  {
    name: 'connections-terminated',
    readers: 'stale or 503',
    seconds: 0,
    cause: ({ postgres }) => postgres.endConnections(DATABASE).then(() => undefined),
  },
  {
    // PostgreSQL then ends all connections and recovers, because shared memory may be damaged.
    name: 'backend-killed',
    readers: 'stale or 503',
    seconds: 0,
    cause: ({ postgres }) => postgres.endConnections(DATABASE, { kills: true }).then(() => undefined),
  },
  {
    name: 'listener-lost',
    readers: 'nothing',
    seconds: 0,
    cause: ({ postgres }) => postgres.endConnections(DATABASE, { named: '%listener' }).then(() => undefined),
  },
  {
    name: 'database-disk-full',
    readers: 'stale or 503',
    impossible: ({ disk }) => (disk === undefined ? 'only root may mount a small disk' : undefined),
    async cause({ disk, postgres }) {
      await disk?.fill();
      return async () => {
        await disk?.free();
        // If it could not write its log, it has ended.
        await postgres.query('select').catch(() => postgres.cluster.restart('fast'));
      };
    },
  },
];

/** Somebody's open transaction that holds locks. */
function held(name: string, statements: string): Fault {
  return {
    name,
    readers: 'stale or 503',
    async cause({ postgres }: Site) {
      const transaction = await postgres.hold(`begin; ${statements}`, DATABASE);
      return () => transaction.close();
    },
  };
}
