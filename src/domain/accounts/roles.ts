import type { Role } from '../../database/account-tables.ts';

/** Permissions as bits. A role's permissions are their sum. */
export const Permission = Object.freeze({ FOLLOW: 1, COMMENT: 2, WRITE: 4, MODERATE: 8, ADMIN: 16 });

export type PermissionName = keyof typeof Permission;

export const PERMISSION_NAMES: readonly PermissionName[] = [
  'FOLLOW',
  'COMMENT',
  'WRITE',
  'MODERATE',
  'ADMIN',
];

const PERMISSIONS: Readonly<Record<Role, number>> = Object.freeze({
  User: Permission.FOLLOW | Permission.COMMENT | Permission.WRITE,
  Moderator: Permission.FOLLOW | Permission.COMMENT | Permission.WRITE | Permission.MODERATE,
  Administrator:
    Permission.FOLLOW | Permission.COMMENT | Permission.WRITE | Permission.MODERATE | Permission.ADMIN,
});

export const ROLES: readonly Role[] = ['User', 'Moderator', 'Administrator'];

/** What a user's permissions depend on. */
export interface Standing {
  readonly role: Role;
  readonly isConfirmed: boolean;
  /** Until when a moderator allows them to read only; null if they may write. */
  readonly silencedUntil: Date | null;
}

/** Whether a user has a permission. Visitors, unconfirmed and silenced accounts have none. */
export function can(user: Standing | null, permission: number): boolean {
  if (user === null || !user.isConfirmed || user.silencedUntil !== null) return false;
  return (PERMISSIONS[user.role] & permission) === permission;
}
