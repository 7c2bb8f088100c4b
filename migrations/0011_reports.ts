import { type Kysely, sql } from 'kysely';

export const kind = 'expand';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table reports (
      id integer generated always as identity primary key,
      reporter_id integer not null references users on delete cascade,
      post_id integer references posts on delete cascade,
      comment_id integer references comments on delete cascade,
      person_id integer references users on delete cascade,
      reason text not null check (length(reason) between 1 and 500),
      created_at timestamptz not null default now(),
      check (num_nonnulls(post_id, comment_id, person_id) = 1)
    );
    comment on table reports is
      'Reports that no moderator has closed yet. Each is about a post, a comment or a person; everyone has one for each.';
    create unique index reports_post_id_key on reports (post_id, reporter_id) where post_id is not null;
    create unique index reports_comment_id_key on reports (comment_id, reporter_id) where comment_id is not null;
    create unique index reports_person_id_key on reports (person_id, reporter_id) where person_id is not null;
    create index reports_reporter_id_idx on reports (reporter_id);
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table reports`.execute(db);
}
