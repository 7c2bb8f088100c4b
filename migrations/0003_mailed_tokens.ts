import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table mailed_tokens (
      token_hash bytea primary key,
      user_id integer not null references users on delete cascade,
      purpose text not null,
      created_at timestamptz not null default now(),
      expires_at timestamptz not null
    )
  `.execute(db);
  await sql`create index mailed_tokens_user_id_idx on mailed_tokens (user_id)`.execute(db);
  await sql`create index mailed_tokens_expires_at_idx on mailed_tokens (expires_at)`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table mailed_tokens`.execute(db);
}
