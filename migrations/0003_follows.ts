import { type Kysely, sql } from 'kysely';

export const kind = 'expand';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table follows (
      id integer generated always as identity,
      follower_id integer not null references users on delete cascade,
      followed_id integer not null references users on delete cascade,
      created_at timestamptz not null default now(),
      primary key (follower_id, followed_id),
      check (follower_id <> followed_id)
    );
    comment on table follows is 'Who follows whom. Ids increase with time, so lists are ordered by id.';
    create index follows_follower_id_id_idx on follows (follower_id, id);
    create index follows_followed_id_id_idx on follows (followed_id, id);
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table follows`.execute(db);
}
