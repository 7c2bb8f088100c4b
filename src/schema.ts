import type { ColumnType, Generated, GeneratedAlways, Kysely, Transaction } from 'kysely';

/** The tables' types for Kysely. Keep them in step with `migrations/`. */
export interface Schema {
  users: UsersTable;
  sessions: SessionsTable;
  known_browsers: KnownBrowsersTable;
  mailed_tokens: MailedTokensTable;
  password_resets: PasswordResetsTable;
  mail_deliveries: MailDeliveriesTable;
  email_changes: EmailChangesTable;
  posts: PostsTable;
  follows: FollowsTable;
  comments: CommentsTable;
  comment_notices: CommentNoticesTable;
  digests: DigestsTable;
  data_exports: DataExportsTable;
  data_export_chunks: DataExportChunksTable;
  api_tokens: ApiTokensTable;
  idempotency_keys: IdempotencyKeysTable;
  alarms: AlarmsTable;
  job_durations: JobDurationsTable;
  job_attempts: JobAttemptsTable;
  workers: WorkersTable;
  paused_queues: PausedQueuesTable;
  job_audit_log: JobAuditLogTable;
  security_events: SecurityEventsTable;
}

/** The database or a transaction, the first parameter of domain functions. */
export type Db = Kysely<Schema> | Transaction<Schema>;

interface UsersTable {
  id: Generated<number>;
  /** Unique among confirmed accounts, ignoring case. */
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
  /** The avatar is drawn from it. Random, so that it reveals nothing about the person. */
  avatar_seed: Generated<string>;
  wants_digest: Generated<boolean>;
  wants_comment_mails: Generated<boolean>;
  /** Counted by triggers. */
  post_count: GeneratedAlways<number>;
  comment_count: GeneratedAlways<number>;
  follower_count: GeneratedAlways<number>;
  followed_count: GeneratedAlways<number>;
}

export type Role = 'User' | 'Moderator' | 'Administrator';

interface SessionsTable {
  token_hash: Buffer;
  /** Null for a visitor who is not logged in and has a message to see. */
  user_id: number | null;
  is_remembered: Generated<boolean>;
  /** Messages to show on the next page. */
  flash: Generated<object[]>;
  created_at: Generated<Date>;
  /** When the password was last entered in this session. */
  verified_at: Generated<Date>;
  expires_at: Date;
}

/** The browsers that have logged in to an account. */
interface KnownBrowsersTable {
  user_id: number;
  token_hash: Buffer;
  created_at: Generated<Date>;
  last_used_at: Generated<Date>;
}

interface MailedTokensTable {
  token_hash: Buffer;
  user_id: number;
  purpose: TokenPurpose;
  /** The link is only valid while the account has this address. Null if it survives a change. */
  sent_to: string | null;
  /** The change that a `change-email` token completes or an `undo-email-change` token undoes. */
  email_change_id: number | null;
  /** The export that a `download-export` token opens. */
  export_id: number | null;
  created_at: Generated<Date>;
  expires_at: Date;
}

export type TokenPurpose =
  | 'confirm-account'
  | 'reset-password'
  | 'change-email'
  | 'undo-email-change'
  | 'download-export'
  | 'stop-digest'
  | 'stop-comment-mails';

/** A requested password reset, whether or not the address has an account. */
interface PasswordResetsTable {
  id: Generated<number>;
  email: string;
  created_at: Generated<Date>;
}

/** The ledger: a row is written when the mail server has accepted the message. */
interface MailDeliveriesTable {
  job_id: string;
  user_id: number;
  template: string;
  message_id: string;
  sent_at: Generated<Date>;
}

interface EmailChangesTable {
  id: Generated<number>;
  user_id: number;
  new_email: string;
  /** Null, like `completed_at`, until the change is confirmed. */
  old_email: string | null;
  created_at: Generated<Date>;
  completed_at: Date | null;
}

interface PostsTable {
  id: Generated<number>;
  author_id: number;
  body: string;
  /** The body as sanitised HTML, rendered on saving. */
  body_html: string;
  /** Incremented by each edit, to detect concurrent ones. */
  version: Generated<number>;
  created_at: Generated<Date>;
  /** Null if it was never edited. */
  edited_at: Date | null;
  /** Counted by a trigger. */
  comment_count: GeneratedAlways<number>;
}

interface FollowsTable {
  id: GeneratedAlways<number>;
  follower_id: number;
  followed_id: number;
  created_at: Generated<Date>;
}

interface CommentsTable {
  id: Generated<number>;
  post_id: number;
  author_id: number;
  body: string;
  body_html: string;
  is_disabled: Generated<boolean>;
  created_at: Generated<Date>;
}

/** The newest comment that a post's author was notified of, and when. */
interface CommentNoticesTable {
  post_id: number;
  last_comment_id: number;
  mailed_at: Generated<Date>;
}

/** The digests that were sent. */
interface DigestsTable {
  user_id: number;
  /** The week's Monday, as `YYYY-MM-DD`. */
  week: ColumnType<Date, string, string>;
}

interface DataExportsTable {
  id: Generated<number>;
  user_id: number;
  state: Generated<DataExportState>;
  /** Posts and comments written so far, and their total. */
  done: Generated<number>;
  total: Generated<number>;
  /** The finished file's size in bytes. */
  size: ColumnType<string, number | undefined, number>;
  created_at: Generated<Date>;
  ended_at: Date | null;
}

export type DataExportState = 'waiting' | 'running' | 'ready' | 'cancelled' | 'failed';

interface DataExportChunksTable {
  export_id: number;
  position: number;
  content: Buffer;
}

interface ApiTokensTable {
  id: Generated<number>;
  user_id: number;
  token_hash: Buffer;
  /** Null if it was obtained with a password, so that it lasts an hour. */
  name: string | null;
  scope: TokenScope;
  created_at: Generated<Date>;
  /** Null if it lasts until it is revoked. */
  expires_at: Date | null;
  last_used_at: Date | null;
}

/** `read` only allows GET; `write` allows whatever the account may do. */
export type TokenScope = 'read' | 'write';

/** Answered requests, so that repeating one does not execute it again. */
interface IdempotencyKeysTable {
  user_id: number;
  key: string;
  /** The request's hash: a key is only valid for one request. */
  fingerprint: Buffer;
  /** Null while the request is being executed. */
  answer: ColumnType<unknown, null, string | null>;
  created_at: Generated<Date>;
}

/** One row per distinct error. */
interface AlarmsTable {
  id: Generated<number>;
  fingerprint: string;
  title: string;
  message: string;
  reference: string;
  mailed_at: Generated<Date>;
  /** Repetitions since the last mail. */
  since_then: Generated<number>;
}

/** A histogram: `bucket` is the upper bound in seconds. */
interface JobDurationsTable {
  queue: string;
  bucket: number;
  jobs: string;
  seconds: number;
}

/** One row per attempt. Only unsuccessful attempts have `ended_at` and `outcome`. */
interface JobAttemptsTable {
  id: GeneratedAlways<string>;
  job_id: string;
  queue: string;
  attempt: number;
  worker: string;
  started_at: Generated<Date>;
  ended_at: Date | null;
  outcome: JobAttemptOutcome | null;
  error: string | null;
}

/** How an unsuccessful attempt ended. `handed back`: the worker had to stop, so the attempt is not counted. */
export type JobAttemptOutcome = 'failed' | 'timed out' | 'given up' | 'handed back';

interface WorkersTable {
  id: Generated<number>;
  /** Host and process id. */
  name: string;
  queues: string[];
  concurrency: number;
  started_at: Generated<Date>;
  seen_at: Generated<Date>;
  fetched_at: Generated<Date>;
  stopped_at: Date | null;
  running: ColumnType<RunningJob[], string | undefined, string>;
}

/** A job that a worker is running. */
export interface RunningJob {
  readonly id: string;
  readonly queue: string;
  readonly attempt: number;
  /** ISO 8601. */
  readonly startedAt: string;
}

interface PausedQueuesTable {
  queue: string;
  paused_at: Generated<Date>;
}

interface JobAuditLogTable {
  id: Generated<number>;
  at: Generated<Date>;
  user_id: number | null;
  /** Kept when the account is deleted. */
  username: string;
  action: string;
  subject: string;
}

/** Events on accounts. Rows are immutable. */
interface SecurityEventsTable {
  id: GeneratedAlways<number>;
  kind: ColumnType<SecurityEventKind, SecurityEventKind, never>;
  /** The affected account; null for a log-in with an unknown address. */
  user_id: ColumnType<number | null, number | null, never>;
  /** Who did it; null if unknown or deleted. */
  actor_id: ColumnType<number | null, number | null, never>;
  address: ColumnType<string | null, string | null, never>;
  detail: ColumnType<SecurityEventDetail, string, never>;
  created_at: GeneratedAlways<Date>;
}

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
