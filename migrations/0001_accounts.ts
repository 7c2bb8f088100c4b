import { type Kysely, sql } from 'kysely';

export const kind = 'expand';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create domain mail_frequency as text check (value in ('at-once', 'daily', 'never'));

    create table users (
      id integer generated always as identity primary key,
      email text not null check (length(email) between 1 and 254),
      username text not null check (username ~ '^[A-Za-z][A-Za-z0-9_.]*$' and length(username) <= 64),
      password_hash text not null,
      role text not null check (role in ('User', 'Viewer', 'Operator', 'Moderator', 'Administrator')),
      confirmed_at timestamptz,
      suspended_until timestamptz,
      silenced_until timestamptz,
      deletion_due_at timestamptz,
      deletion_keeps_texts boolean not null default false,
      email_bounced_at timestamptz,
      totp_secret text,
      totp_since timestamptz,
      totp_last_step integer,
      created_at timestamptz not null default now(),
      last_seen_at timestamptz not null default now(),

      name text not null default '' check (length(name) <= 64),
      location text not null default '' check (length(location) <= 64),
      about_me text not null default '' check (length(about_me) <= 2000),
      avatar_seed uuid not null default gen_random_uuid(),
      picture_hash text check (length(picture_hash) = 43),
      wants_digest boolean not null default false,
      comment_mails mail_frequency not null default 'at-once',
      reply_mails mail_frequency not null default 'at-once',
      mention_mails mail_frequency not null default 'at-once',
      follow_mails mail_frequency not null default 'daily',
      unsubscribe_key uuid not null default gen_random_uuid(),

      post_count integer not null default 0,
      comment_count integer not null default 0,
      follower_count integer not null default 0,
      followed_count integer not null default 0
    ) with (fillfactor = 85);
    comment on table users is
      'People and their accounts. An address belongs to the account that has confirmed it. Any number of unconfirmed '
      'accounts may share it, so registering does not reveal whether it is taken. An account with a deletion_due_at is '
      'closed until its owner undoes the deletion or a job erases it; a suspended one cannot log in, and a silenced one '
      'cannot write. Triggers maintain the counters, and forget that mail bounced when the address changes. The '
      'fillfactor leaves room for new row versions, so that updating a counter touches no index.';
    create unique index users_username_key on users (lower(username));
    create unique index users_email_key on users (lower(email)) where confirmed_at is not null;
    create index users_unconfirmed_email_idx on users (lower(email), id) where confirmed_at is null;
    create unique index users_unsubscribe_key_key on users (unsubscribe_key);
    create index users_wants_digest_idx on users (id) where wants_digest;
    create index users_email_bounced_at_idx on users (email_bounced_at) where email_bounced_at is not null;
    create index users_role_idx on users (role, id) where role <> 'User';
    create index users_standing_idx on users (id) where confirmed_at is null or suspended_until is not null
      or silenced_until is not null or deletion_due_at is not null;
    create index users_words_idx on users using gin (
      to_tsvector('simple', regexp_replace(username || ' ' || name || ' ' || email, '[!-/:-@[-\`{-~’]+', ' ', 'g'))
    );

    create function forget_bounce() returns trigger language plpgsql as $$
    begin
      new.email_bounced_at := null;
      return new;
    end $$;
    create trigger users_forget_bounce before update of email on users
      for each row when (lower(old.email) <> lower(new.email)) execute function forget_bounce();

    create table sessions (
      token_hash bytea primary key,
      user_id integer references users on delete cascade,
      is_remembered boolean not null default false,
      flash jsonb[] not null default '{}',
      created_at timestamptz not null default now(),
      verified_at timestamptz not null default now(),
      last_seen_at timestamptz not null default now(),
      expires_at timestamptz not null,
      user_agent text not null default '' check (length(user_agent) <= 300),
      address inet
    );
    comment on table sessions is
      'Sessions of browsers: logged in, or anonymous with messages to show. The address is that of the last visit.';
    create index sessions_user_id_idx on sessions (user_id);
    create index sessions_expires_at_idx on sessions (expires_at);

    create table known_browsers (
      user_id integer not null references users on delete cascade,
      token_hash bytea not null,
      created_at timestamptz not null default now(),
      last_used_at timestamptz not null default now(),
      primary key (user_id, token_hash)
    );
    comment on table known_browsers is 'Browsers that have logged in to an account before.';
    create index known_browsers_last_used_at_idx on known_browsers (last_used_at);

    create table email_changes (
      id integer generated always as identity primary key,
      user_id integer not null references users on delete cascade,
      new_email text not null check (length(new_email) between 1 and 254),
      old_email text,
      created_at timestamptz not null default now(),
      completed_at timestamptz,
      check ((old_email is null) = (completed_at is null))
    );
    comment on table email_changes is
      'Changes of email address, requested or completed. The old address is kept so that its owner can undo the change.';
    create index email_changes_user_id_idx on email_changes (user_id);

    create table password_resets (
      id integer generated always as identity primary key,
      email text not null check (length(email) between 1 and 254),
      created_at timestamptz not null default now()
    );
    comment on table password_resets is
      'Addresses for which a reset link was requested. The mail job looks up the account, so a request takes the same '
      'time for every address.';
    create index password_resets_created_at_idx on password_resets (created_at);
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table password_resets, email_changes, known_browsers, sessions, users`.execute(db);
  await sql`drop function forget_bounce`.execute(db);
  await sql`drop domain mail_frequency`.execute(db);
}
