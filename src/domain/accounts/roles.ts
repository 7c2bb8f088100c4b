import type { Role } from '../../database/account-tables.ts';

/** Permissions as bits. A role's permissions are their sum. */
export const Permission = Object.freeze({
  FOLLOW: 1,
  COMMENT: 2,
  WRITE: 4,
  MODERATE: 8,
  ADMIN: 16,
  VIEW_JOBS: 32,
  OPERATE_JOBS: 64,
});

export type PermissionName = keyof typeof Permission;

export const PERMISSION_NAMES = Object.keys(Permission) as readonly PermissionName[];

const { FOLLOW, COMMENT, WRITE, MODERATE, ADMIN, VIEW_JOBS, OPERATE_JOBS } = Permission;
const USER = FOLLOW | COMMENT | WRITE;

const PERMISSIONS: Readonly<Record<Role, number>> = Object.freeze({
  User: USER,
  Viewer: USER | VIEW_JOBS,
  Operator: USER | VIEW_JOBS | OPERATE_JOBS,
  Moderator: USER | MODERATE,
  Administrator: USER | MODERATE | ADMIN | VIEW_JOBS | OPERATE_JOBS,
});

export const ROLES: readonly Role[] = ['User', 'Viewer', 'Operator', 'Moderator', 'Administrator'];

/** The state of an account that its permissions depend on. */
export interface Standing {
  readonly role: Role;
  readonly isConfirmed: boolean;
  /** Until when a moderator lets them only read; null if they may write. */
  readonly silencedUntil: Date | null;
}

/** Whether a user has a permission. Visitors, unconfirmed and silenced accounts have none. */
export function can(user: Standing | null, permission: number): boolean {
  if (user === null || !user.isConfirmed || user.silencedUntil !== null) return false;
  return (PERMISSIONS[user.role] & permission) === permission;
}
