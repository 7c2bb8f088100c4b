import { type Kysely, sql } from 'kysely';

/**
 * The table that rate-limiter-flexible's PostgreSQL store expects; `expire` is in milliseconds since 1970. It is not
 * logged: a request need not wait for the disk to be counted, and a crash of the server may forget the counts.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create unlogged table rate_limits (
      key varchar(255) primary key,
      points integer not null default 0,
      expire bigint
    )
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table rate_limits`.execute(db);
}
