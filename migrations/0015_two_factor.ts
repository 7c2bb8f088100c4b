import { type Kysely, sql } from 'kysely';

export const kind = 'expand';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table recovery_codes (
      user_id integer not null references users on delete cascade,
      code_hash bytea not null,
      primary key (user_id, code_hash)
    );
    comment on table recovery_codes is
      'Unused recovery codes of accounts with two-factor authentication, which replace a code of the app once.';

    create table pending_log_ins (
      session_hash bytea primary key references sessions on update cascade on delete cascade,
      user_id integer not null references users on delete cascade,
      is_remembered boolean not null,
      expires_at timestamptz not null
    );
    comment on table pending_log_ins is
      'Log-ins with the right password that await a second factor. The session belongs to nobody until then, so it gives '
      'no access. Rows go with their sessions, and when the access to the account is ended.';
    create index pending_log_ins_user_id_idx on pending_log_ins (user_id);
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table pending_log_ins, recovery_codes`.execute(db);
}
