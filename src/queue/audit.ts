import type { Db } from './tables.ts';

/** An operator's action. */
export interface AuditEntry {
  readonly at: Date;
  readonly username: string;
  readonly action: string;
  readonly subject: string;
}

/** Records an action. Pass the action's transaction, if it has one. */
export async function recordAction(
  db: Db,
  { username, action, subject }: Omit<AuditEntry, 'at'>,
): Promise<void> {
  await db.insertInto('job_audit_log').values({ username, action, subject }).execute();
}

/** Lists the latest actions, newest first. */
export function listActions(db: Db, limit: number): Promise<AuditEntry[]> {
  return db
    .selectFrom('job_audit_log')
    .select(['at', 'username', 'action', 'subject'])
    .orderBy('id', 'desc')
    .limit(limit)
    .execute();
}
