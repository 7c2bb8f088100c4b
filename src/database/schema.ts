import type { ColumnType, Generated, GeneratedAlways, Kysely, Transaction } from 'kysely';
import type { AccountTables } from './account-tables.ts';
import type { JobTables } from './job-tables.ts';

/** What every domain function takes first: the database, or a transaction on it. */
export type Db = Kysely<Schema> | Transaction<Schema>;

/** The database as Kysely sees it. The truth is in `migrations/`; this follows it. */
export interface Schema extends AccountTables, JobTables {
  posts: {
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
  };
  follows: {
    id: GeneratedAlways<number>;
    follower_id: number;
    followed_id: number;
    created_at: Generated<Date>;
  };
  comments: {
    id: Generated<number>;
    post_id: number;
    author_id: number;
    body: string;
    body_html: string;
    is_disabled: Generated<boolean>;
    created_at: Generated<Date>;
  };
  /** How far a post's author has been told of its comments, and when. */
  comment_notices: {
    post_id: number;
    last_comment_id: number;
    mailed_at: Generated<Date>;
  };
  /** Who has been sent the digest of which week. */
  digests: {
    user_id: number;
    /** Its Monday, as `YYYY-MM-DD`. */
    week: ColumnType<Date, string, string>;
  };
  data_exports: {
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
  };
  data_export_chunks: {
    export_id: number;
    position: number;
    content: Buffer;
  };
  /** Requests that were answered, so that they are done once, however often they are sent. */
  idempotency_keys: {
    user_id: number;
    key: string;
    /** Of the request: a key belongs to one only. */
    fingerprint: Buffer;
    /** Null while it is being found. */
    answer: ColumnType<unknown, null, string | null>;
    created_at: Generated<Date>;
  };
}

export type DataExportState = 'waiting' | 'running' | 'ready' | 'cancelled' | 'failed';
