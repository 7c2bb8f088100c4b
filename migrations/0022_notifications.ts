import { type Kysely, sql } from 'kysely';

export const kind = 'expand';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table notifications (
      id integer generated always as identity primary key,
      recipient_id integer not null references users on delete cascade,
      kind text not null check (kind in ('comment', 'reply', 'mention', 'follow', 'like', 'moderation')),
      cause text not null check (length(cause) <= 100),
      actor_id integer references users on delete cascade,
      post_id integer references posts on delete cascade,
      comment_id integer references comments on delete cascade,
      event_id integer references security_events on delete cascade,
      created_at timestamptz not null default now(),
      read_at timestamptz,
      mail integer
    ) with (fillfactor = 90);
    comment on table notifications is
      'What people are told about, once per person and cause. mail is the number of the recipient''s email that includes it. '
      'Ids increase with time, so lists are ordered by id.';
    create unique index notifications_cause_key on notifications (recipient_id, cause);
    create index notifications_recipient_id_id_idx on notifications (recipient_id, id);
    create index notifications_unread_idx on notifications (recipient_id, id) where read_at is null;
    create index notifications_actor_id_created_at_idx on notifications (actor_id, created_at) where actor_id is not null;
    create index notifications_post_id_idx on notifications (post_id) where post_id is not null;
    create index notifications_comment_id_idx on notifications (comment_id) where comment_id is not null;
    create index notifications_event_id_idx on notifications (event_id) where event_id is not null;
    create index notifications_created_at_idx on notifications using brin (created_at);

    create table notification_mails (
      user_id integer primary key references users on delete cascade,
      number integer not null default 1,
      mailed_at timestamptz not null default now()
    );
    comment on table notification_mails is 'How many emails about notifications each person was sent, and when the last one was.';
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table notification_mails, notifications`.execute(db);
}
