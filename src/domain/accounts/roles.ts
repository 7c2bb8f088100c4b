import type { Role } from '../../schema.ts';

/** The role an account starts with: the operator's own address makes the Administrator. */
export function initialRole(email: string, adminEmail: string | undefined): Role {
  return adminEmail !== undefined && email.toLowerCase() === adminEmail.toLowerCase()
    ? 'Administrator'
    : 'User';
}
