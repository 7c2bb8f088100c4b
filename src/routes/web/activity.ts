import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import type { SecurityEventDetail, SecurityEventKind } from '../../database/account-tables.ts';
import type { EventFilter, ListedEvent } from '../../domain/security-events/list.ts';
import { DomainError, noSuch } from '../../errors.ts';
import { idFrom } from './params.ts';

/** The name of each kind of event. */
export const KIND_NAMES: Readonly<Record<SecurityEventKind, string>> = {
  'logged-in': 'Logged in',
  'log-in-failed': 'Log-in failed',
  'logged-out': 'Logged out',
  'sessions-ended': 'Logged out elsewhere',
  'password-changed': 'Password changed',
  'password-reset': 'Password reset',
  'address-changed': 'Email address changed',
  'role-changed': 'Role changed',
  confirmed: 'Account confirmed',
  unconfirmed: 'Account unconfirmed',
  'token-made': 'API token created',
  'token-revoked': 'API token revoked',
  'export-made': 'Export requested',
  'deletion-requested': 'Deletion requested',
  'deletion-undone': 'Deletion undone',
  warned: 'Warned',
  silenced: 'Silenced',
  suspended: 'Suspended',
  'sanction-lifted': 'Sanctions lifted',
  'texts-disabled': 'All posts and comments hidden',
  'texts-enabled': 'All posts and comments shown',
  'picture-removed': 'Profile picture removed',
  'post-disabled': 'Post hidden',
  'post-enabled': 'Post shown again',
  'comment-disabled': 'Comment hidden',
  'comment-enabled': 'Comment shown again',
  'comment-deleted': 'Comment deleted',
  'post-edited': 'Post edited',
  'post-deleted': 'Post deleted',
};

function isEventKind(kind: string): kind is SecurityEventKind {
  return Object.hasOwn(KIND_NAMES, kind);
}

/** Describes an event, e.g. “Role changed to Moderator”. */
export function describeEvent({ kind, detail }: Pick<ListedEvent, 'kind' | 'detail'>): string {
  return KIND_NAMES[kind] + describeDetail(detail);
}

function describeDetail({ role, name, count, post, reason, lasts }: SecurityEventDetail): string {
  if (reason !== undefined) return `${lasts === undefined ? '' : ` ${lasts}`}: ${reason}`;
  if (role !== undefined) return ` to ${role}`;
  if (name !== undefined) return `: “${name}”`;
  if (count !== undefined) return `: all ${count} without a name`;
  return post === undefined ? '' : `, post ${post}`;
}

const QueryFields = Type.Object({
  username: Type.Optional(Type.String({ maxLength: 64, pattern: '^[^\\u0000]*$' })),
  kind: Type.Optional(Type.String({ maxLength: 30 })),
  before: Type.Optional(Type.String({ maxLength: 10 })),
});

const validator = Compile(QueryFields);

/**
 * Reads which events a query requests. Empty fields are ignored.
 *
 * @throws DomainError `not-found` for an unknown kind or an invalid query
 */
export function readActivityQuery(
  query: unknown,
): Pick<EventFilter, 'username' | 'kind'> & { before: number | undefined } {
  if (!validator.Check(query)) throw new DomainError('not-found', 'Invalid filter.');
  const { username, kind, before } = query;
  if (kind && !isEventKind(kind)) throw noSuch('kind of event');
  return {
    username: username || undefined,
    kind: kind && isEventKind(kind) ? kind : undefined,
    before: before ? idFrom(before) : undefined,
  };
}
