import type { Db } from '../database/schema.ts';

/** What somebody did to the queues. */
export interface AuditEntry {
  readonly at: Date;
  readonly username: string;
  readonly action: string;
  readonly subject: string;
}

/** Writes down who did what. Stands in the transaction of what was done, where that has one. */
export async function recordAction(
  db: Db,
  { userId, username, action, subject }: { userId: number } & Omit<AuditEntry, 'at'>,
): Promise<void> {
  await db.insertInto('job_audit_log').values({ user_id: userId, username, action, subject }).execute();
}

/** The latest entries, newest first. */
export function listActions(db: Db, limit: number): Promise<AuditEntry[]> {
  return db
    .selectFrom('job_audit_log')
    .select(['at', 'username', 'action', 'subject'])
    .orderBy('id', 'desc')
    .limit(limit)
    .execute();
}
