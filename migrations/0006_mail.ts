import { type Kysely, sql } from 'kysely';

export const kind = 'expand';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table mailed_tokens (
      token_hash bytea primary key,
      user_id integer not null references users on delete cascade,
      purpose text not null check (purpose in (
        'confirm-account', 'reset-password', 'change-email', 'undo-email-change', 'undo-deletion', 'download-export',
        'confirm-subscription'
      )),
      sent_to text,
      email_change_id integer references email_changes on delete cascade,
      export_id integer references data_exports on delete cascade,
      created_at timestamptz not null default now(),
      expires_at timestamptz not null
    );
    comment on table mailed_tokens is 'Valid links in mails.';
    create index mailed_tokens_user_id_idx on mailed_tokens (user_id);
    create index mailed_tokens_email_change_id_idx on mailed_tokens (email_change_id)
      where email_change_id is not null;
    create index mailed_tokens_export_id_idx on mailed_tokens (export_id) where export_id is not null;
    create index mailed_tokens_expires_at_idx on mailed_tokens (expires_at);

    create table mail_deliveries (
      job_id uuid primary key,
      user_id integer not null references users on delete cascade,
      template text not null,
      message_id text not null,
      sent_to text not null,
      return_key_hash bytea,
      is_refused boolean not null default false,
      response text not null default '' check (length(response) <= 500),
      sent_at timestamptz not null default now()
    );
    comment on table mail_deliveries is
      'The ledger: mails that the mail server has accepted, so that a job that runs again does not send a second copy, and '
      'those that it has refused for good. Whoever has the return key, which is in the address that bounces go to, can '
      'report that the mail bounced.';
    create index mail_deliveries_user_id_sent_at_idx on mail_deliveries (user_id, sent_at);
    create unique index mail_deliveries_return_key_hash_key on mail_deliveries (return_key_hash)
      where return_key_hash is not null;
    create index mail_deliveries_sent_at_idx on mail_deliveries (sent_at);

    create table digests (
      user_id integer not null references users on delete cascade,
      week date not null,
      primary key (user_id, week)
    );
    comment on table digests is 'Digests that were sent, by user and week.';
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table digests, mail_deliveries, mailed_tokens`.execute(db);
}
