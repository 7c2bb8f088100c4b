import { type Kysely, sql } from 'kysely';

export const kind = 'expand';

/** Roles for those who look after jobs. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table users
      drop constraint users_role_check,
      add constraint users_role_check
        check (role in ('User', 'Viewer', 'Operator', 'Moderator', 'Administrator')) not valid;
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`
    update users set role = 'User' where role in ('Viewer', 'Operator');
    alter table users
      drop constraint users_role_check,
      add constraint users_role_check check (role in ('User', 'Moderator', 'Administrator'));
  `.execute(db);
}
