import { can, Permission } from '../../domain/accounts/roles.ts';
import type { SessionUser } from '../../domain/sessions/find.ts';

/** The visitor's permissions, so that pages only offer what they allow. */
export function permissionsOf(user: SessionUser | null) {
  return {
    follow: can(user, Permission.FOLLOW),
    comment: can(user, Permission.COMMENT),
    write: can(user, Permission.WRITE),
    moderate: can(user, Permission.MODERATE),
    administer: can(user, Permission.ADMIN),
    viewJobs: can(user, Permission.VIEW_JOBS),
    operateJobs: can(user, Permission.OPERATE_JOBS),
  };
}
