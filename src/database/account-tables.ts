import type { ColumnType, Generated, GeneratedAlways } from 'kysely';

/** People, how they log in, and what happened to their accounts. */
export interface AccountTables {
  users: {
    id: Generated<number>;
    /** Unique, whatever its case, among confirmed accounts. */
    email: string;
    username: string;
    password_hash: string;
    role: Role;
    confirmed_at: Date | null;
    created_at: Generated<Date>;
    name: Generated<string>;
    location: Generated<string>;
    about_me: Generated<string>;
    last_seen_at: Generated<Date>;
    /** What the avatar is drawn from: random, so that it tells nothing about the person. */
    avatar_seed: Generated<string>;
    wants_digest: Generated<boolean>;
    wants_comment_mails: Generated<boolean>;
    /** Counted by triggers. */
    post_count: GeneratedAlways<number>;
    comment_count: GeneratedAlways<number>;
    follower_count: GeneratedAlways<number>;
    followed_count: GeneratedAlways<number>;
  };
  sessions: {
    token_hash: Buffer;
    /** Null for a visitor who is not signed in and has a message waiting. */
    user_id: number | null;
    is_remembered: Generated<boolean>;
    /** Messages to show on the next page. */
    flash: Generated<object[]>;
    created_at: Generated<Date>;
    /** When the password was last given in this session. */
    verified_at: Generated<Date>;
    expires_at: Date;
  };
  /** The browsers that have logged in to an account. */
  known_browsers: {
    user_id: number;
    token_hash: Buffer;
    created_at: Generated<Date>;
    last_used_at: Generated<Date>;
  };
  mailed_tokens: {
    token_hash: Buffer;
    user_id: number;
    purpose: TokenPurpose;
    /** The link is good only while its account has this address. Null for one that outlives a change of it. */
    sent_to: string | null;
    /** Which change a `change-email` token completes, or an `undo-email-change` token undoes. */
    email_change_id: number | null;
    /** Which export a `download-export` token opens. */
    export_id: number | null;
    created_at: Generated<Date>;
    expires_at: Date;
  };
  /** A link to reset a password that somebody asked for, whether or not the address has an account. */
  password_resets: {
    id: Generated<number>;
    email: string;
    created_at: Generated<Date>;
  };
  email_changes: {
    id: Generated<number>;
    user_id: number;
    new_email: string;
    /** Null, like `completed_at`, until the change is confirmed. */
    old_email: string | null;
    created_at: Generated<Date>;
    completed_at: Date | null;
  };
  /** What a program logs in with. */
  api_tokens: {
    id: Generated<number>;
    user_id: number;
    token_hash: Buffer;
    /** Null for one that was got with a password and lasts an hour. */
    name: string | null;
    scope: TokenScope;
    created_at: Generated<Date>;
    /** Null for one that lasts until it is revoked. */
    expires_at: Date | null;
    last_used_at: Date | null;
  };
  /** What happened to accounts. Rows are never changed. */
  security_events: {
    id: GeneratedAlways<number>;
    kind: ColumnType<SecurityEventKind, SecurityEventKind, never>;
    /** Whose account; null when a log-in named an address without one. */
    user_id: ColumnType<number | null, number | null, never>;
    /** Who did it; null when that is not known, or their account is gone. */
    actor_id: ColumnType<number | null, number | null, never>;
    address: ColumnType<string | null, string | null, never>;
    detail: ColumnType<SecurityEventDetail, string, never>;
    created_at: GeneratedAlways<Date>;
  };
}

export type Role = 'User' | 'Moderator' | 'Administrator';

export type TokenPurpose =
  | 'confirm-account'
  | 'reset-password'
  | 'change-email'
  | 'undo-email-change'
  | 'download-export'
  | 'stop-digest'
  | 'stop-comment-mails';

/** `read`: only to look; `write`: all that its account may do. */
export type TokenScope = 'read' | 'write';

export type SecurityEventDetail = Readonly<Record<string, string | number | undefined>>;

export type SecurityEventKind =
  | 'logged-in'
  | 'log-in-failed'
  | 'logged-out'
  | 'password-changed'
  | 'password-reset'
  | 'address-changed'
  | 'role-changed'
  | 'confirmed'
  | 'unconfirmed'
  | 'token-made'
  | 'token-revoked'
  | 'export-made'
  | 'comment-disabled'
  | 'comment-enabled'
  | 'comment-deleted'
  | 'post-edited'
  | 'post-deleted';
