import { type Kysely, sql } from 'kysely';

/** Which mails a person wants, and how far each post's author and each week's readers have been told. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table users
      add wants_digest boolean not null default false,
      add wants_comment_mails boolean not null default true
  `.execute(db);
  await sql`create index users_wants_digest_idx on users (id) where wants_digest`.execute(db);
  await sql`create index posts_author_id_created_at_idx on posts (author_id, created_at)`.execute(db);
  await sql`
    create table comment_notices (
      post_id integer primary key references posts on delete cascade,
      last_comment_id integer not null,
      mailed_at timestamptz not null default now()
    )
  `.execute(db);
  await sql`
    create table digests (
      user_id integer not null references users on delete cascade,
      week date not null,
      primary key (user_id, week)
    )
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop index posts_author_id_created_at_idx`.execute(db);
  await sql`drop table comment_notices, digests`.execute(db);
  await sql`alter table users drop wants_digest, drop wants_comment_mails`.execute(db);
}
