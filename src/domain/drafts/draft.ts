/** Drafts per person. */
export const MAX_DRAFTS = 100;

/** What a draft says, as it was typed. Nothing but its length is checked before it is published. */
export interface DraftText {
  readonly title: string;
  readonly body: string;
  /** As in the form of a post. */
  readonly tags: string;
}

/** A draft as one browser last saw it. Another may have saved it since. */
export interface DraftVersion {
  readonly id: number;
  readonly version: number;
}

/** A draft in full. */
export interface Draft extends DraftVersion, DraftText {
  readonly updatedAt: Date;
}
