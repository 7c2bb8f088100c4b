import type { ColumnType, Generated, GeneratedAlways, Kysely, Transaction } from 'kysely';

/** The database as Kysely sees it. The truth is in `migrations/`; this follows it. */
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

/** What every domain function takes first: the database, or a transaction on it. */
export type Db = Kysely<Schema> | Transaction<Schema>;

interface UsersTable {
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
}

export type Role = 'User' | 'Moderator' | 'Administrator';

interface SessionsTable {
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
  /** The link is good only while its account has this address. Null for one that outlives a change of it. */
  sent_to: string | null;
  /** Which change a `change-email` token completes, or an `undo-email-change` token undoes. */
  email_change_id: number | null;
  /** Which export a `download-export` token opens. */
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

/** A link to reset a password that somebody asked for, whether or not the address has an account. */
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
  /** The body as sanitised HTML, rendered when it was written. */
  body_html: string;
  /** Rises with each edit, so that an edit of an older state is noticed. */
  version: Generated<number>;
  created_at: Generated<Date>;
  /** Null until its text is changed. */
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

/** How far a post's author has been told of its comments, and when. */
interface CommentNoticesTable {
  post_id: number;
  last_comment_id: number;
  mailed_at: Generated<Date>;
}

/** Who has been sent the digest of which week. */
interface DigestsTable {
  user_id: number;
  /** Its Monday, as `YYYY-MM-DD`. */
  week: ColumnType<Date, string, string>;
}

interface DataExportsTable {
  id: Generated<number>;
  user_id: number;
  state: Generated<DataExportState>;
  /** Posts and comments written so far, and in all. */
  done: Generated<number>;
  total: Generated<number>;
  /** Of the finished file, in bytes. */
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

/** What a program logs in with. */
interface ApiTokensTable {
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
}

/** `read`: only to look; `write`: all that its account may do. */
export type TokenScope = 'read' | 'write';

/** Requests that were answered, so that they are done once, however often they are sent. */
interface IdempotencyKeysTable {
  user_id: number;
  key: string;
  /** Of the request: a key belongs to one only. */
  fingerprint: Buffer;
  /** Null while it is being found. */
  answer: ColumnType<unknown, null, string | null>;
  created_at: Generated<Date>;
}

/** One row for each error that is not like another. */
interface AlarmsTable {
  id: Generated<number>;
  fingerprint: string;
  title: string;
  message: string;
  reference: string;
  mailed_at: Generated<Date>;
  /** How often it came again. */
  since_then: Generated<number>;
}

/** A histogram: `bucket` is the upper bound in seconds. */
interface JobDurationsTable {
  queue: string;
  bucket: number;
  jobs: string;
  seconds: number;
}

/** One row for each time a worker began a job; `ended_at` and `outcome` only of one that did not succeed. */
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

/** How an attempt ends that does not succeed. `handed back`: the worker had to stop, and it is not counted. */
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

/** A job in a worker's hands. */
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
  /** Kept when the account goes. */
  username: string;
  action: string;
  subject: string;
}

/** What happened to accounts. Rows are never changed. */
interface SecurityEventsTable {
  id: GeneratedAlways<number>;
  kind: ColumnType<SecurityEventKind, SecurityEventKind, never>;
  /** Whose account; null when a log-in named an address without one. */
  user_id: ColumnType<number | null, number | null, never>;
  /** Who did it; null when that is not known, or their account is gone. */
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
