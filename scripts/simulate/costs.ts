/** What a request or job costs, in milliseconds. */
export interface Cost {
  /** CPU of the web or worker process. */
  readonly process: number;
  /** CPU of PostgreSQL. */
  readonly database: number;
  /** The rest of the time that it takes when nothing else happens: the disk, the network and waking up. */
  readonly wait: number;
  /** Statements, or transactions. */
  readonly queries: number;
}

/** A page from the cache, a page for a visitor that is not, a page for a member, a comment, and a mail. */
export type Kind = 'hit' | 'visitor' | 'member' | 'write' | 'mail';

export type Costs = Readonly<Record<Kind, Cost>>;

/**
 * Measured on two cores of an AMD EPYC with Node 24.21.0, while other programs used the machine too: the requests by `npm
 * run simulate -- --check`, a page as in docs/performance.md, and a mail as there.
 */
export const COSTS: Costs = {
  hit: { process: 0.045, database: 0, wait: 0.3, queries: 0 },
  visitor: { process: 0.91, database: 0.35, wait: 2.5, queries: 1 },
  member: { process: 0.93, database: 0.44, wait: 2.4, queries: 2 },
  write: { process: 1.74, database: 1.56, wait: 4, queries: 2 },
  mail: { process: 1.16, database: 0.44, wait: 0, queries: 4 },
};

/** Mails that one worker sends in a second, by `npm run bench -- jobs`. */
export const MAILS_PER_WORKER = 573;

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
