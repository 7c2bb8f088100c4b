import { type Kysely, sql } from 'kysely';

export const kind = 'expand';

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
    );
    comment on table data_exports is 'Exports of people''s own data, at most one in progress per person.';
    create unique index data_exports_one_at_a_time_key on data_exports (user_id)
      where state in ('waiting', 'running');
    create index data_exports_user_id_idx on data_exports (user_id, id);

    create table data_export_chunks (
      export_id integer not null references data_exports on delete cascade,
      position integer not null,
      content bytea not null,
      primary key (export_id, position)
    );
    comment on table data_export_chunks is
      'The zip files of exports, in chunks. They are in the database because every process can read it.';
    -- Zip files are already compressed.
    alter table data_export_chunks alter content set storage external;
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table data_export_chunks, data_exports`.execute(db);
}
