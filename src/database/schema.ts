import type { ColumnType, Generated, GeneratedAlways, Kysely, Transaction } from 'kysely';
import type { QueueTables } from '../queue/index.ts';
import type { AccountTables } from './account-tables.ts';
import type { DataTables } from './data-tables.ts';
import type { ImageTables, PictureFault } from './image-tables.ts';
import type { MailTables } from './mail-tables.ts';
import type { PostTables } from './post-tables.ts';
import type { SiteTables } from './site-tables.ts';

/** The database or a transaction, the first parameter of domain functions. */
export type Db = Kysely<Schema> | Transaction<Schema>;

/** The tables' types for Kysely. A test compares them with the migrated database. */
export interface Schema
  extends AccountTables,
    DataTables,
    ImageTables,
    MailTables,
    PostTables,
    QueueTables,
    SiteTables {
  tag_follows: {
    user_id: number;
    tag: string;
    created_at: Generated<Date>;
  };
  /** Addresses that get a person's new posts by email. */
  subscriptions: {
    id: GeneratedAlways<number>;
    author_id: number;
    /** In lower case. */
    email: string;
    /** The key in unsubscribe links, like an account's. */
    unsubscribe_key: Generated<string>;
    /** When a confirmation link was last requested; null if an account has already confirmed the address. */
    asked_at: Date | null;
    /** Null until whoever reads the address's mail has confirmed it. */
    confirmed_at: Date | null;
  };
  follows: {
    id: GeneratedAlways<number>;
    follower_id: number;
    followed_id: number;
    created_at: Generated<Date>;
  };
  /** Who likes which post. */
  likes: {
    id: GeneratedAlways<number>;
    user_id: number;
    post_id: number;
  };
  /** Posts that people keep for themselves. */
  bookmarks: {
    id: GeneratedAlways<number>;
    user_id: number;
    post_id: number;
  };
  /** Who has muted or blocked whom. */
  blocks: {
    id: GeneratedAlways<number>;
    blocker_id: number;
    blocked_id: number;
    kind: BlockKind;
    created_at: Generated<Date>;
  };
  comments: {
    id: GeneratedAlways<number>;
    post_id: number;
    author_id: number;
    /** The comment that this one replies to; null if it is not a reply, or if that was deleted. */
    parent_id: number | null;
    /** The comment that started the thread, which may have been deleted; null if it is this one. */
    root_id: number | null;
    /** The root's id, or its own. */
    thread_id: GeneratedAlways<number>;
    body: string;
    body_html: string;
    /** Incremented by each edit, to detect concurrent ones. */
    version: Generated<number>;
    renderer: Generated<number>;
    is_disabled: Generated<boolean>;
    created_at: Generated<Date>;
    /** Null if it was never edited. */
    edited_at: Date | null;
  };
  /** People mentioned by a post or a comment. Exactly one of the two ids is set. */
  mentions: {
    id: GeneratedAlways<number>;
    user_id: number;
    post_id: number | null;
    comment_id: number | null;
    /** The username in the text, in lower case. */
    name: string;
    created_at: Generated<Date>;
  };
  /** The words of posts and comments, for searching. Triggers maintain them. */
  post_words: {
    /** The post's. */
    position: string;
    words: string;
  };
  comment_words: {
    comment_id: number;
    words: string;
  };
  /** Reports to the moderators. Exactly one of the three ids is set. */
  reports: {
    id: GeneratedAlways<number>;
    reporter_id: number;
    post_id: number | null;
    comment_id: number | null;
    person_id: number | null;
    reason: string;
    created_at: Generated<Date>;
  };
  /** People's notifications. */
  notifications: {
    id: GeneratedAlways<number>;
    recipient_id: number;
    kind: NotificationKind;
    /** Each person gets one notification per cause, such as `comment 7`. */
    cause: string;
    /** Null for a moderator's decision. */
    actor_id: number | null;
    post_id: number | null;
    comment_id: number | null;
    /** The decision, for `moderation`. */
    event_id: number | null;
    created_at: Generated<Date>;
    read_at: Date | null;
    /** The number of the recipient's mail that contains it; null if none does. */
    mail: number | null;
  };
  /** How many notification mails each person was sent, and when the last one was. */
  notification_mails: {
    user_id: number;
    number: Generated<number>;
    mailed_at: Generated<Date>;
  };
  /** The digests that were sent. */
  digests: {
    user_id: number;
    /** The week's Monday, as `YYYY-MM-DD`. */
    week: ColumnType<Date, string, string>;
  };
  /** Profile pictures in two sizes, as WebP. */
  pictures: {
    user_id: number;
    /** The hash of the large picture, as in users.picture_hash. */
    hash: string;
    small: ColumnType<Buffer, Uint8Array, Uint8Array>;
    large: ColumnType<Buffer, Uint8Array, Uint8Array>;
  };
  /** Each person's last upload, until it has become a picture. */
  picture_uploads: {
    user_id: number;
    /** New for each upload. */
    id: Generated<string>;
    /** Null if it cannot become a picture; then `fault` says why. */
    content: Buffer | null;
    fault: PictureFault | null;
    created_at: Generated<Date>;
  };
  /** Requests and their responses, so that a repeated request is not executed again. */
  idempotency_keys: {
    user_id: number;
    key: string;
    /** The request's hash, because a key is only valid for one request. */
    fingerprint: Buffer;
    /** Null while the request is being executed. */
    answer: ColumnType<unknown, null, string | null>;
    created_at: Generated<Date>;
  };
}

export type NotificationKind = 'comment' | 'reply' | 'mention' | 'follow' | 'like' | 'moderation';

/** `mute` only hides a person's texts; `block` also keeps the person from interacting. */
export type BlockKind = 'mute' | 'block';
