import type { Kysely } from 'kysely';
import type { Schema } from '../database/schema.ts';
import type { Queue } from '../queue/index.ts';

/** For changes that enqueue jobs in their transaction. */
export interface Dependencies {
  readonly db: Kysely<Schema>;
  readonly queue: Queue;
}
