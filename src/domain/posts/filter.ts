import type { Month } from './archive.ts';

/** The posts of one person, of one month, with a tag, or all. */
export interface PostFilter {
  /** Leaves out posts by people this reader has muted or blocked. */
  readonly readerId?: number | undefined;
  readonly author?: { readonly id: number; readonly postCount: number };
  /** Whether to include the author's unlisted posts. */
  readonly hasUnlisted?: boolean;
  readonly month?: Month;
  /** In lower case. If there is a tag, the author and the month are ignored. */
  readonly tag?: string;
  /** A post to leave out. */
  readonly exceptId?: number | null;
}
