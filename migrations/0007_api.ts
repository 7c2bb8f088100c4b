import { type Kysely, sql } from 'kysely';

export const kind = 'expand';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table api_tokens (
      id integer generated always as identity primary key,
      user_id integer not null references users on delete cascade,
      token_hash bytea not null unique,
      name text check (length(name) between 1 and 64),
      scope text not null check (scope in ('read', 'write')),
      created_at timestamptz not null default now(),
      expires_at timestamptz,
      last_used_at timestamptz,
      check (name is not null or expires_at is not null)
    );
    comment on table api_tokens is
      'API tokens: named ones, and ones without a name, which are obtained with a password and last an hour.';
    create index api_tokens_user_id_idx on api_tokens (user_id, id);
    create index api_tokens_expires_at_idx on api_tokens (expires_at);

    create table idempotency_keys (
      user_id integer not null references users on delete cascade,
      key text not null check (length(key) between 1 and 255),
      fingerprint bytea not null,
      answer jsonb,
      created_at timestamptz not null default now(),
      primary key (user_id, key)
    );
    comment on table idempotency_keys is
      'Requests with an Idempotency-Key and their answers, for 24 hours, so that repeating one does not execute it again.';
    create index idempotency_keys_created_at_idx on idempotency_keys (created_at);
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table idempotency_keys, api_tokens`.execute(db);
}
