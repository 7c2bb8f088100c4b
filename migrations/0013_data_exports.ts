import { type Kysely, sql } from 'kysely';

/** What people asked to take with them. The file lies in the database, where every process finds it. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table data_exports (
      id integer generated always as identity primary key,
      user_id integer not null references users on delete cascade,
      state text not null default 'waiting'
        check (state in ('waiting', 'running', 'ready', 'cancelled', 'failed')),
      done integer not null default 0,
      total integer not null default 0,
      size bigint not null default 0,
      created_at timestamptz not null default now(),
      ended_at timestamptz
    )
  `.execute(db);
  await sql`
    create unique index data_exports_one_at_a_time_key on data_exports (user_id)
      where state in ('waiting', 'running')
  `.execute(db);
  await sql`create index data_exports_user_id_idx on data_exports (user_id, id)`.execute(db);
  await sql`
    create table data_export_chunks (
      export_id integer not null references data_exports on delete cascade,
      position integer not null,
      content bytea not null,
      primary key (export_id, position)
    )
  `.execute(db);
  // An export reads a person's comments page by page, in the order of their ids.
  await sql`create index comments_author_id_id_idx on comments (author_id, id)`.execute(db);
  await sql`drop index comments_author_id_idx`.execute(db);
  await sql`alter table data_export_chunks alter content set storage external`.execute(db);
  await sql`
    alter table mailed_tokens add export_id integer references data_exports on delete cascade
  `.execute(db);
  await sql`create index mailed_tokens_export_id_idx on mailed_tokens (export_id)`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`alter table mailed_tokens drop export_id`.execute(db);
  await sql`create index comments_author_id_idx on comments (author_id)`.execute(db);
  await sql`drop index comments_author_id_id_idx`.execute(db);
  await sql`drop table data_export_chunks, data_exports`.execute(db);
}
