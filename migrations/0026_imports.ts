import { type Kysely, sql } from 'kysely';

export const kind = 'expand';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table data_imports (
      id integer generated always as identity primary key,
      user_id integer not null references users on delete cascade,
      state text not null default 'waiting' check (state in ('waiting', 'running', 'done', 'failed')),
      upload bytea check (length(upload) <= 10485760),
      fault text check (length(fault) <= 1000),
      done integer not null default 0,
      total integer not null default 0,
      imported integer not null default 0,
      images integer not null default 0,
      images_left_out integer not null default 0,
      created_at timestamptz not null default now(),
      ended_at timestamptz,
      check ((upload is null) = (state in ('done', 'failed')))
    );
    comment on table data_imports is
      'Imports of exports from other sites, at most one in progress per person. The upload is kept until its job has ended.';
    create unique index data_imports_one_at_a_time_key on data_imports (user_id) where state in ('waiting', 'running');
    create index data_imports_user_id_idx on data_imports (user_id, id);
    -- Zip files are already compressed.
    alter table data_imports alter upload set storage external;
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table data_imports`.execute(db);
}
