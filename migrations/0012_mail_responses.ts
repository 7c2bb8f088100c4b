import { type Kysely, sql } from 'kysely';

export const kind = 'expand';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table mail_deliveries
      add column is_refused boolean not null default false,
      add column response text not null default '' check (length(response) <= 500);
    comment on table mail_deliveries is
      'The ledger: mails that the mail server has accepted, so that a job that runs again does not send a second copy, and '
      'those that it has refused for good. Whoever has the return key, which is in the address that bounces go to, can '
      'report that the mail bounced.';
    create index mail_deliveries_user_id_sent_at_idx on mail_deliveries (user_id, sent_at);
    drop index mail_deliveries_user_id_idx;
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`
    create index mail_deliveries_user_id_idx on mail_deliveries (user_id);
    drop index mail_deliveries_user_id_sent_at_idx;
    alter table mail_deliveries drop column is_refused, drop column response;
  `.execute(db);
}
