import { type Kysely, sql } from 'kysely';

export const kind = 'expand';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table subscriptions (
      id integer generated always as identity primary key,
      author_id integer not null references users on delete cascade,
      email text not null check (length(email) <= 254 and email = lower(email)),
      unsubscribe_key uuid not null default gen_random_uuid(),
      asked_at timestamptz,
      confirmed_at timestamptz,
      check (asked_at is not null or confirmed_at is not null)
    );
    comment on table subscriptions is 'Addresses that get a person''s new posts by email, with or without an account.';
    create unique index subscriptions_author_id_email_key on subscriptions (author_id, email);
    create unique index subscriptions_unsubscribe_key_key on subscriptions (unsubscribe_key);
    create index subscriptions_email_idx on subscriptions (email);
    create index subscriptions_confirmed_idx on subscriptions (author_id, id) where confirmed_at is not null;
    create index subscriptions_unconfirmed_idx on subscriptions (asked_at) where confirmed_at is null;

    create table post_mailings (
      post_id integer primary key references posts on delete cascade,
      after_id integer not null default 0,
      created_at timestamptz not null default now()
    );
    comment on table post_mailings is
      'Posts that are mailed to subscriptions, in the order of their ids: up to which one the mails are enqueued.';
    create index post_mailings_created_at_idx on post_mailings (created_at);

    alter table mailed_tokens
      alter column user_id drop not null,
      add column subscription_id integer references subscriptions on delete cascade,
      add constraint mailed_tokens_owner_check check (num_nonnulls(user_id, subscription_id) = 1);
    create index mailed_tokens_subscription_id_idx on mailed_tokens (subscription_id) where subscription_id is not null;

    alter table mail_deliveries
      alter column user_id drop not null,
      add column subscription_id integer references subscriptions on delete cascade,
      add constraint mail_deliveries_recipient_check check (num_nonnulls(user_id, subscription_id) = 1);
    create index mail_deliveries_subscription_id_idx on mail_deliveries (subscription_id)
      where subscription_id is not null;

    alter table site_settings add column email_subscriptions text not null default 'on'
      check (email_subscriptions in ('on', 'off'));
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table site_settings drop column email_subscriptions;
    delete from mail_deliveries where subscription_id is not null;
    alter table mail_deliveries drop column subscription_id, alter column user_id set not null;
    delete from mailed_tokens where subscription_id is not null;
    alter table mailed_tokens drop column subscription_id, alter column user_id set not null;
    drop table post_mailings, subscriptions;
  `.execute(db);
}
