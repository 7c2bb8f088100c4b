import type { Db } from './tables.ts';

/** An operator's action. */
export interface AuditEntry {
  readonly at: Date;
  readonly username: string;
  readonly action: string;
  readonly subject: string;
}

/**
 * Records an action, in its transaction if it has one.
 *
 * @param entry.userId null for the command line
 */
export async function recordAction(
  db: Db,
  { userId, username, action, subject }: { userId: number | null } & Omit<AuditEntry, 'at'>,
): Promise<void> {
  await db.insertInto('job_audit_log').values({ user_id: userId, username, action, subject }).execute();
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
