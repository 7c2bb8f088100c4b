import { type Kysely, sql } from 'kysely';

export const kind = 'expand';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table job_attempts drop constraint job_attempts_outcome_check, add constraint job_attempts_outcome_check
      check (outcome in ('failed', 'timed out', 'given up', 'handed back', 'deferred')) not valid;
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`
    update job_attempts set outcome = 'handed back' where outcome = 'deferred';
    alter table job_attempts drop constraint job_attempts_outcome_check, add constraint job_attempts_outcome_check
      check (outcome in ('failed', 'timed out', 'given up', 'handed back')) not valid;
  `.execute(db);
}
