import { type Kysely, sql } from 'kysely';

export const kind = 'expand';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table users add column passkey_count integer not null default 0;

    create table passkeys (
      id integer generated always as identity primary key,
      user_id integer not null references users on delete cascade,
      credential_id bytea not null check (length(credential_id) between 1 and 1023),
      public_key bytea not null check (length(public_key) <= 4000),
      counter bigint not null,
      name text not null check (length(name) between 1 and 64),
      created_at timestamptz not null default now(),
      last_used_at timestamptz
    );
    comment on table passkeys is
      'Public keys that log in to an account. A device may count its signatures; a count that does not rise means that '
      'the private key was copied. A trigger counts an account''s passkeys, so that whoever locks the account''s row '
      'knows whether it has any.';
    create unique index passkeys_credential_id_key on passkeys (credential_id);
    create index passkeys_user_id_idx on passkeys (user_id, id);

    create function count_passkeys() returns trigger language plpgsql as $$
    begin
      update users set passkey_count = passkey_count + case tg_op when 'INSERT' then 1 else -1 end
        where id = coalesce(new.user_id, old.user_id);
      return null;
    end $$;
    create trigger passkeys_count after insert or delete on passkeys
      for each row execute function count_passkeys();

    create table passkey_challenges (
      session_hash bytea primary key references sessions on update cascade on delete cascade,
      challenge bytea not null,
      expires_at timestamptz not null
    );
    comment on table passkey_challenges is
      'What the device of a visitor must sign, once. Rows go with their sessions.';
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`
    drop table passkey_challenges, passkeys;
    drop function count_passkeys;
    alter table users drop column passkey_count;
  `.execute(db);
}
