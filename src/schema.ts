import type { Generated, Kysely, Transaction } from 'kysely';

/** The database as Kysely sees it. The truth is in `migrations/`; this follows it. */
export interface Schema {
  users: UsersTable;
  sessions: SessionsTable;
  mailed_tokens: MailedTokensTable;
  mail_deliveries: MailDeliveriesTable;
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
  created_at: Generated<Date>;
  expires_at: Date;
}

export type TokenPurpose = 'confirm-account';

/** The ledger: a row is written when the mail server has accepted the message. */
interface MailDeliveriesTable {
  job_id: string;
  user_id: number;
  template: string;
  message_id: string;
  sent_at: Generated<Date>;
}
