import { Type } from 'typebox';
import { Compile } from 'typebox/schema';
import type { SecurityEventDetail, SecurityEventKind } from '../../database/account-tables.ts';
import type { ListedEvent } from '../../domain/security-events/list.ts';
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
  'two-factor-on': 'Two-factor authentication turned on',
  'two-factor-off': 'Two-factor authentication turned off',
  'recovery-code-used': 'Recovery code used',
  'recovery-codes-made': 'New recovery codes created',
  'passkey-added': 'Passkey added',
  'passkey-removed': 'Passkey removed',
  confirmed: 'Account confirmed',
  unconfirmed: 'Account unconfirmed',
  'confirmation-sent': 'Confirmation link sent again',
  'access-ended': 'Logged out everywhere, API tokens revoked',
  'token-made': 'API token created',
  'token-revoked': 'API token revoked',
  'export-made': 'Export requested',
  'import-made': 'Import started',
  'deletion-requested': 'Deletion requested',
  'deletion-undone': 'Deletion undone',
  'account-deleted': 'Account deleted',
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
  'comment-edited': 'Comment edited',
  'comment-deleted': 'Comment deleted',
  'post-edited': 'Post edited',
  'post-deleted': 'Post deleted',
  'version-deleted': 'Earlier version of a post deleted',
  'reports-closed': 'Reports closed',
  'setting-changed': 'Setting changed',
  'application-approved': 'Application approved',
  'application-declined': 'Application declined',
  'invitation-made': 'Invitation created',
  'invitation-revoked': 'Invitation revoked',
};

function isEventKind(kind: string): kind is SecurityEventKind {
  return Object.hasOwn(KIND_NAMES, kind);
}

const LOG_INS: ReadonlySet<SecurityEventKind> = new Set(['logged-in', 'log-in-failed', 'logged-out']);

/** All kinds except log-ins and log-outs, which would bury the rarer ones. */
export const KINDS_OF_CHANGES = Object.keys(KIND_NAMES)
  .filter(isEventKind)
  .filter((kind) => !LOG_INS.has(kind));

/** Describes an event, e.g. “Role changed to Moderator”. */
export function describeEvent({ kind, detail }: Pick<ListedEvent, 'kind' | 'detail'>): string {
  return KIND_NAMES[kind] + describeDetail(detail);
}

/** How the details of events are worded, in this order. */
const DETAILS: Readonly<Record<string, (value: string | number) => string>> = {
  role: (role) => ` to ${role}`,
  lasts: (period) => ` ${period}`,
  lifts: (kind) => `, only the ${kind === 'silenced' ? 'silence' : 'suspension'}`,
  reports: (count) => ` (${count})`,
  post: (id) => `, post ${id}`,
  comment: (id) => `, comment ${id}`,
  count: (count) => `: all ${count} without a name`,
  name: (name) => `: “${name}”`,
  setting: (name) => `: ${name}`,
  value: (value) => ` is now “${value}”`,
  reason: (reason) => `: ${reason}`,
};

function describeDetail(detail: SecurityEventDetail): string {
  const parts = Object.entries(DETAILS).map(([name, describe]) => {
    const value = detail[name];
    return value === undefined ? '' : describe(value);
  });
  return parts.join('');
}

const QueryFields = Type.Object({
  username: Type.Optional(Type.String({ maxLength: 64, pattern: '^[^\\u0000]*$' })),
  kind: Type.Optional(Type.String({ maxLength: 30 })),
  before: Type.Optional(Type.String({ maxLength: 10 })),
});

const validator = Compile(QueryFields);

/** All actions of moderators, as a kind to filter by. */
export const MODERATION = 'moderation';

interface ActivityQuery {
  readonly username: string | undefined;
  readonly kind: SecurityEventKind | typeof MODERATION | undefined;
  readonly before: number | undefined;
}

/**
 * Reads which events a query requests. Empty fields are ignored.
 *
 * @throws DomainError `not-found` for an unknown kind or an invalid query
 */
export function readActivityQuery(query: unknown): ActivityQuery {
  if (!validator.Check(query)) throw new DomainError('not-found', 'Invalid filter.');
  const { username, kind, before } = query;
  const isKnown = kind === MODERATION || (kind !== undefined && isEventKind(kind));
  if (kind && !isKnown) throw noSuch('kind of event');
  return {
    username: username || undefined,
    kind: isKnown ? kind : undefined,
    before: before ? idFrom(before) : undefined,
  };
}
