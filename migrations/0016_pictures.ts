import { type Kysely, sql } from 'kysely';

export const kind = 'expand';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table pictures (
      user_id integer primary key references users on delete cascade,
      hash text not null,
      small bytea not null,
      large bytea not null
    );
    comment on table pictures is
      'Profile pictures in two sizes. The hash is in their URL, and in users.picture_hash so that lists need no join.';
    create index pictures_hash_idx on pictures (hash);

    create table picture_uploads (
      user_id integer primary key references users on delete cascade,
      id uuid not null default gen_random_uuid(),
      content bytea check (length(content) <= 5242880),
      fault text check (fault in ('unreadable', 'too-large', 'too-slow')),
      created_at timestamptz not null default now(),
      check (num_nonnulls(content, fault) = 1)
    );
    comment on table picture_uploads is
      'Each person''s last upload: the file until a job has made the picture, then only why it could not.';
    create index picture_uploads_created_at_idx on picture_uploads (created_at);

    -- Pictures are already compressed.
    alter table pictures alter small set storage external, alter large set storage external;
    alter table picture_uploads alter content set storage external;
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table picture_uploads, pictures`.execute(db);
}
