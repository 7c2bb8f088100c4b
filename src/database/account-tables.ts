import type { ColumnType, Generated, GeneratedAlways } from 'kysely';

/** The tables of accounts, log-ins and security events. */
export interface AccountTables {
  users: {
    id: GeneratedAlways<number>;
    /** Unique among confirmed accounts, ignoring case. */
    email: string;
    username: string;
    password_hash: string;
    role: Role;
    confirmed_at: Date | null;
    /** Nobody can log in before the first; the owner can only read before the second. Null or past if in good standing. */
    suspended_until: Date | null;
    silenced_until: Date | null;
    /** When the account will be erased; null unless its owner has asked for it. */
    deletion_due_at: Date | null;
    /** Whether its posts and comments stay, without a name. */
    deletion_keeps_texts: Generated<boolean>;
    /** The secret shared with the app that generates log-in codes, in Base32. This and the next two are null without one. */
    totp_secret: string | null;
    totp_since: Date | null;
    /** The time step of the last accepted code. That code and older ones are refused. */
    totp_last_step: number | null;
    /** Counted by a trigger. */
    passkey_count: GeneratedAlways<number>;
    /** When a mail server last said that the address does not exist. A trigger clears it when the address changes. */
    email_bounced_at: Date | null;
    created_at: Generated<Date>;
    name: Generated<string>;
    location: Generated<string>;
    about_me: Generated<string>;
    last_seen_at: Generated<Date>;
    /** The seed of the generated avatar. Random, so that it reveals nothing about the person. */
    avatar_seed: Generated<string>;
    /** The hash of the picture that replaces the avatar; null without one. */
    picture_hash: string | null;
    wants_digest: Generated<boolean>;
    /** How often to mail about each kind of notification. */
    comment_mails: Generated<MailFrequency>;
    reply_mails: Generated<MailFrequency>;
    mention_mails: Generated<MailFrequency>;
    follow_mails: Generated<MailFrequency>;
    /** The key in unsubscribe links. Gives no other access, so it is not hashed, and every mail can repeat it. */
    unsubscribe_key: Generated<string>;
    /** The post at the top of the profile, which is never a hidden one. Null without one. */
    pinned_post_id: number | null;
    /** Counted by triggers. */
    post_count: GeneratedAlways<number>;
    comment_count: GeneratedAlways<number>;
    follower_count: GeneratedAlways<number>;
    followed_count: GeneratedAlways<number>;
  };
  sessions: {
    token_hash: Buffer;
    /** Null for a visitor who is not logged in but has a message to see. */
    user_id: number | null;
    is_remembered: Generated<boolean>;
    /** Messages to show on the next page. */
    flash: Generated<object[]>;
    created_at: Generated<Date>;
    /** When the password was last entered in this session. */
    verified_at: Generated<Date>;
    last_seen_at: Generated<Date>;
    expires_at: Date;
    /** The browser's User-Agent header. */
    user_agent: Generated<string>;
    /** The IP address of the last visit; null if unknown. */
    address: string | null;
  };
  /** The browsers that have logged in to an account. */
  known_browsers: {
    user_id: number;
    token_hash: Buffer;
    created_at: Generated<Date>;
    last_used_at: Generated<Date>;
  };
  recovery_codes: {
    user_id: number;
    code_hash: Buffer;
  };
  /** Log-ins with the right password that await a second factor. Their sessions belong to nobody yet. */
  pending_log_ins: {
    session_hash: Buffer;
    user_id: number;
    is_remembered: boolean;
    expires_at: Date;
  };
  /** Public keys that log in to an account. */
  passkeys: {
    id: GeneratedAlways<number>;
    user_id: number;
    credential_id: Buffer;
    /** In COSE's format (RFC 9052). */
    public_key: ColumnType<Buffer, Uint8Array, never>;
    /** The device's signature counter when it was last used; 0 if it does not count. */
    counter: ColumnType<string, number, number>;
    name: string;
    created_at: Generated<Date>;
    /** Null if it has never logged in. */
    last_used_at: Date | null;
  };
  /** Challenges for visitors' devices to sign, at most one per session. */
  passkey_challenges: {
    session_hash: Buffer;
    challenge: Buffer;
    expires_at: Date;
  };
  /** Requested password resets, whether or not the address has an account. */
  password_resets: {
    id: GeneratedAlways<number>;
    email: string;
    created_at: Generated<Date>;
  };
  email_changes: {
    id: GeneratedAlways<number>;
    user_id: number;
    new_email: string;
    /** Null, like `completed_at`, until the change is confirmed. */
    old_email: string | null;
    created_at: Generated<Date>;
    completed_at: Date | null;
  };
  /** Tokens for API clients. */
  api_tokens: {
    id: GeneratedAlways<number>;
    user_id: number;
    token_hash: Buffer;
    /** Null if it was obtained with a password and lasts an hour. */
    name: string | null;
    scope: TokenScope;
    created_at: Generated<Date>;
    /** Null if it is valid until it is revoked. */
    expires_at: Date | null;
    last_used_at: Date | null;
  };
  /** Applications to join that no moderator has approved yet. Approval deletes the row, so exports leave these out. */
  applications: {
    user_id: number;
    /** Why they want to join. */
    reason: string;
    /** When they confirmed their address and started waiting for a moderator. */
    confirmed_at: Date | null;
    declined_at: Date | null;
  };
  /** Links for registering. */
  invitations: {
    id: GeneratedAlways<number>;
    token_hash: Buffer;
    inviter_id: number;
    max_uses: number;
    created_at: Generated<Date>;
    expires_at: Date;
    revoked_at: Date | null;
  };
  /** Who has registered with which invitation. */
  invited_people: {
    user_id: number;
    invitation_id: number;
  };
  /** Security-relevant events on accounts. Rows are immutable. */
  security_events: {
    id: GeneratedAlways<number>;
    kind: ColumnType<SecurityEventKind, SecurityEventKind, never>;
    /** The affected account; null for a log-in with an unknown address, and if it was deleted at once. */
    user_id: ColumnType<number | null, number | null, never>;
    /** Who did it; null if unknown or deleted. */
    actor_id: ColumnType<number | null, number | null, never>;
    address: ColumnType<string | null, string | null, never>;
    detail: ColumnType<SecurityEventDetail, string | undefined, never>;
    created_at: GeneratedAlways<Date>;
  };
}

export type MailFrequency = 'at-once' | 'daily' | 'never';

/** A Viewer reads the job dashboard, and an Operator also acts on jobs. */
export type Role = 'User' | 'Viewer' | 'Operator' | 'Moderator' | 'Administrator';

export type TokenPurpose =
  | 'confirm-account'
  | 'reset-password'
  | 'change-email'
  | 'undo-email-change'
  | 'undo-deletion'
  | 'download-export'
  | 'confirm-subscription';

/** `read` only allows reading; `write` allows everything that the account may do. */
export type TokenScope = 'read' | 'write';

export type SecurityEventDetail = Readonly<Record<string, string | number | undefined>>;

export type SecurityEventKind =
  | 'logged-in'
  | 'log-in-failed'
  | 'logged-out'
  | 'sessions-ended'
  | 'password-changed'
  | 'password-reset'
  | 'address-changed'
  | 'role-changed'
  | 'two-factor-on'
  | 'two-factor-off'
  | 'recovery-code-used'
  | 'recovery-codes-made'
  | 'passkey-added'
  | 'passkey-removed'
  | 'confirmed'
  | 'unconfirmed'
  | 'confirmation-sent'
  | 'access-ended'
  | 'token-made'
  | 'token-revoked'
  | 'export-made'
  | 'import-made'
  | 'deletion-requested'
  | 'deletion-undone'
  | 'account-deleted'
  | 'warned'
  | 'silenced'
  | 'suspended'
  | 'sanction-lifted'
  | 'texts-disabled'
  | 'texts-enabled'
  | 'picture-removed'
  | 'comment-disabled'
  | 'comment-enabled'
  | 'comment-edited'
  | 'comment-deleted'
  | 'post-disabled'
  | 'post-enabled'
  | 'post-edited'
  | 'post-deleted'
  | 'version-deleted'
  | 'reports-closed'
  | 'setting-changed'
  | 'application-approved'
  | 'application-declined'
  | 'invitation-made'
  | 'invitation-revoked';
