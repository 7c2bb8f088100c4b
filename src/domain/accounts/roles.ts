import type { Role } from '../../database/account-tables.ts';

/** Permissions as bits. A role's permissions are their sum. */
export const Permission = Object.freeze({ FOLLOW: 1, COMMENT: 2, WRITE: 4, MODERATE: 8, ADMIN: 16 });

const PERMISSIONS: Readonly<Record<Role, number>> = Object.freeze({
  User: Permission.FOLLOW | Permission.COMMENT | Permission.WRITE,
  Moderator: Permission.FOLLOW | Permission.COMMENT | Permission.WRITE | Permission.MODERATE,
  Administrator:
    Permission.FOLLOW | Permission.COMMENT | Permission.WRITE | Permission.MODERATE | Permission.ADMIN,
});

export const ROLES: readonly Role[] = ['User', 'Moderator', 'Administrator'];

/** Whether a user has a permission. Visitors and unconfirmed accounts have none. */
export function can(
  user: { readonly role: Role; readonly isConfirmed: boolean } | null,
  permission: number,
): boolean {
  return user?.isConfirmed === true && (PERMISSIONS[user.role] & permission) === permission;
}
