import type { DraftRefusal } from '../../database/post-tables.ts';

/** Drafts per person. */
export const MAX_DRAFTS = 100;

/** The latest time for which a draft can be scheduled, in days from now. */
export const MAX_DAYS_AHEAD = 366;

/** The content of a draft, as it was typed. Until it is published, only its length is checked. */
export interface DraftText {
  readonly title: string;
  readonly body: string;
  /** The value of the field in a post's form. */
  readonly tags: string;
  /** Whether the post will be unlisted. By default, a new draft's is not, and saving leaves it. */
  readonly isUnlisted?: boolean | undefined;
}

/** A draft as one browser last saw it. Another may have saved it since. */
export interface DraftVersion {
  readonly id: number;
  readonly version: number;
}

/** A draft in full. */
export interface Draft extends DraftVersion, DraftText {
  readonly isUnlisted: boolean;
  readonly updatedAt: Date;
  /** When it is published; null unless it is scheduled. */
  readonly publishAt: Date | null;
  /** Why it was not published when it was due; null otherwise. */
  readonly refusedBecause: DraftRefusal | null;
}
