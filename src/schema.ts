import type { Generated, Kysely, Transaction } from 'kysely';

/** The database as Kysely sees it. The truth is in `migrations/`; this follows it. */
export interface Schema {
  users: UsersTable;
  sessions: SessionsTable;
  mailed_tokens: MailedTokensTable;
  mail_deliveries: MailDeliveriesTable;
  email_changes: EmailChangesTable;
  posts: PostsTable;
  follows: FollowsTable;
  comments: CommentsTable;
}

/** What every domain function takes first: the database, or a transaction on it. */
export type Db = Kysely<Schema> | Transaction<Schema>;

interface UsersTable {
  id: Generated<number>;
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
}

export type Role = 'User' | 'Moderator' | 'Administrator';

interface SessionsTable {
  token_hash: Buffer;
  /** Null for a visitor who is not signed in and has a message waiting. */
  user_id: number | null;
  is_remembered: Generated<boolean>;
  /** Messages to show on the next page. */
  flash: Generated<string[]>;
  created_at: Generated<Date>;
  expires_at: Date;
}

interface MailedTokensTable {
  token_hash: Buffer;
  user_id: number;
  purpose: TokenPurpose;
  /** Which change a `change-email` token carries out. */
  email_change_id: number | null;
  created_at: Generated<Date>;
  expires_at: Date;
}

export type TokenPurpose = 'confirm-account' | 'reset-password' | 'change-email';

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
  created_at: Generated<Date>;
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
}

interface FollowsTable {
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
