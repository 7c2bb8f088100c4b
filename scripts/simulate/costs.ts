/** What a request or job costs, in milliseconds. */
export interface Cost {
  /** CPU of the web or worker process. */
  readonly process: number;
  /** CPU of PostgreSQL. */
  readonly database: number;
  /** The rest of the time that it takes when nothing else happens: the disk, the network and waking up. */
  readonly wait: number;
  /** To PostgreSQL; the process takes its next step when one is answered. */
  readonly statements: number;
}

export type Kind = 'hit' | 'visitor' | 'member' | 'write' | 'mail';

export type Costs = Readonly<Record<Kind, Cost>>;

/**
 * Measured on two cores of an AMD EPYC with Node 24.21.0: the requests by `npm run simulate -- --check`, a mail as in
 * docs/performance.md.
 */
export const COSTS: Costs = {
  // A page from the cache.
  hit: { process: 0.04, database: 0, wait: 0.1, statements: 0 },
  // The home page for a visitor, when the cache does not have it.
  visitor: { process: 0.66, database: 0.21, wait: 0.2, statements: 1 },
  // The home page for a member.
  member: { process: 0.61, database: 0.29, wait: 0.2, statements: 2 },
  // A comment through the API.
  write: { process: 1.7, database: 1.59, wait: 1.3, statements: 5 },
  mail: { process: 1.6, database: 0.7, wait: 0, statements: 2 },
};

/**
 * Bytes of a row with its share of indexes and TOAST: by `pg_total_relation_size` after `npm run seed` and 10,000 mails.
 */
export const DISK_BYTES = {
  users: 573,
  posts: 922,
  comments: 325,
  follows: 122,
  sessions: 238,
  deliveries: 212,
  jobs: 633,
  attempts: 170,
} as const;
