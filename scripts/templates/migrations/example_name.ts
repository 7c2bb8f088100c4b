import { type Kysely, sql } from 'kysely';

export const kind = 'expand';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table example_name (
      id integer generated always as identity primary key,
      created_at timestamptz not null default now()
    );
    comment on table example_name is 'Says what a row is.';
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table example_name`.execute(db);
}
