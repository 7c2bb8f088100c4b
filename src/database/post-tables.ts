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
    /** The part of a long post that lists show; null for a short one. */
    excerpt_html: string | null;
    /** The version of the renderer that rendered it; see `RENDERER`. */
    renderer: Generated<number>;
    /** Incremented by each edit, to detect concurrent ones. */
    version: Generated<number>;
    /** When it was published, or an unlisted post was first listed. */
    created_at: Generated<Date>;
    /** Its place in lists; see `cursorOf`. */
    position: GeneratedAlways<string>;
    /** Null if it was never edited. */
    edited_at: Date | null;
    /** Counted by a trigger. */
    comment_count: GeneratedAlways<number>;
    /** Whether a moderator has hidden it. */
    is_disabled: Generated<boolean>;
    /** Whether its author wants only people who know its address to read it. */
    is_unlisted: Generated<boolean>;
    /** Whether public lists show it: it is neither hidden nor unlisted. */
    is_listed: GeneratedAlways<boolean>;
    /** Whether it is or has ever been listed. */
    was_listed: Generated<boolean>;
    /** In lower case: the added ones, then the text's. */
    tags: Generated<string[]>;
    /** Tags that its author added to those in the text. */
    added_tags: Generated<string[]>;
    /** The keys of the images in its text. */
    image_keys: Generated<readonly string[]>;
  };
  /** Earlier versions of edited posts. */
  post_versions: {
    post_id: number;
    /** The version that the post had. */
    version: number;
    title: string | null;
    /** Null if this version was deleted. */
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
    /** As typed. */
    tags: string;
    /** Whether it will be published as an unlisted post. */
    is_unlisted: Generated<boolean>;
    /** Incremented whenever it is saved, to detect changes in another browser. */
    version: Generated<number>;
    updated_at: Generated<Date>;
    /** When a job publishes it; null if none does. */
    publish_at: Date | null;
    /** Why a job could not publish it; null if none has tried. */
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
    /** Mails to subscriptions up to this id have been enqueued. */
    after_id: Generated<number>;
    created_at: Generated<Date>;
  };
}

/** Why a draft was not published when it was due: its author may not write, or its text cannot be published. */
export type DraftRefusal = 'not-allowed' | 'unfinished';
