import type { Generated, GeneratedAlways } from 'kysely';

/** The tables of posts and drafts. */
export interface PostTables {
  posts: {
    id: GeneratedAlways<number>;
    author_id: number;
    /** Null for a post without one. */
    title: string | null;
    body: string;
    /** The body as sanitised HTML, rendered on saving. */
    body_html: string;
    /** What lists show of a long post; null for a short one. */
    excerpt_html: string | null;
    /** The version of the renderer that rendered it; see `RENDERER`. */
    renderer: Generated<number>;
    /** Incremented by each edit, to detect concurrent ones. */
    version: Generated<number>;
    /** When it was published. The first time that an unlisted post is listed counts as that. */
    created_at: Generated<Date>;
    /** Where lists have it; see `cursorOf`. */
    position: GeneratedAlways<string>;
    /** Null if it was never edited. */
    edited_at: Date | null;
    /** Counted by a trigger. */
    comment_count: GeneratedAlways<number>;
    /** Whether a moderator has hidden it. */
    is_disabled: Generated<boolean>;
    /** Whether its author wants it to be read only by people who know its address. */
    is_unlisted: Generated<boolean>;
    /** Whether lists for everyone have it: it is neither hidden nor unlisted. */
    is_listed: GeneratedAlways<boolean>;
    /** Whether it is or has ever been listed. */
    was_listed: Generated<boolean>;
    /** In lower case: the added ones, then those in the text. */
    tags: Generated<string[]>;
    /** Those that its author has given besides those in the text. */
    added_tags: Generated<string[]>;
    /** The keys of the images in its text. */
    image_keys: Generated<readonly string[]>;
  };
  /** What posts said before they were edited. */
  post_versions: {
    post_id: number;
    /** The version that the post had. */
    version: number;
    title: string | null;
    /** Null if somebody has deleted this version. */
    body: string | null;
    added_tags: string[];
    written_at: Date;
    /** Who wrote it, and who replaced it; null if unknown or erased. */
    writer_id: number | null;
    replaced_at: Generated<Date>;
    replacer_id: number | null;
  };
  /** Posts that are not published yet. */
  drafts: {
    id: GeneratedAlways<number>;
    author_id: number;
    title: string;
    body: string;
    /** As they were typed. */
    tags: string;
    /** Whether it will be published as an unlisted post. */
    is_unlisted: Generated<boolean>;
    /** Incremented whenever it is saved, to detect another browser. */
    version: Generated<number>;
    updated_at: Generated<Date>;
    /** When a job publishes it; null if none does. */
    publish_at: Date | null;
    /** Why the job did not; null unless it tried. */
    refused_because: DraftRefusal | null;
  };
  /** The tags of listed posts. A trigger fills it. */
  post_tags: {
    tag: string;
    /** The post's. */
    position: string;
  };
  /** Posts that are mailed to subscriptions. */
  post_mailings: {
    post_id: number;
    /** The mails to subscriptions up to this id are enqueued. */
    after_id: Generated<number>;
    created_at: Generated<Date>;
  };
}

/** Why a draft was not published when it was due: its author may not write, or its text cannot be published. */
export type DraftRefusal = 'not-allowed' | 'unfinished';
