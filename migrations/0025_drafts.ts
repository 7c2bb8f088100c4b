import { type Kysely, sql } from 'kysely';

export const kind = 'expand';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table drafts (
      id integer generated always as identity primary key,
      author_id integer not null references users on delete cascade,
      title text not null check (length(title) <= 200),
      body text not null check (length(body) <= 50000),
      tags text not null check (length(tags) <= 500),
      is_unlisted boolean not null default false,
      version integer not null default 1,
      updated_at timestamptz not null default now(),
      publish_at timestamptz,
      refused_because text check (refused_because in ('not-allowed', 'unfinished')),
      check (publish_at is null or refused_because is null)
    );
    comment on table drafts is
      'Posts that are not published yet, as they were typed. Only their authors can read them. Publishing deletes a draft '
      'and inserts a post. One that could not be published when it was due is no longer scheduled, and says why.';
    create index drafts_author_id_updated_at_idx on drafts (author_id, updated_at);
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table drafts`.execute(db);
}
