import { sql } from 'kysely';
import { can, Permission, type Standing } from '../accounts/roles.ts';

/** The condition for posts that no moderator has hidden. Anyone who knows the address can read them. */
export const IS_SHOWN = sql<boolean>`not posts.is_disabled`;

/** The condition for posts in lists for everyone: neither hidden nor unlisted. */
export const IS_LISTED = sql<boolean>`posts.is_listed`;

/** Whether a person's profile shows a reader their unlisted posts: it does for that person and for moderators. */
export function seesUnlisted(reader: (Standing & { readonly id: number }) | null, authorId: number): boolean {
  return reader?.id === authorId || can(reader, Permission.MODERATE);
}

/** Who can see a post, as named in forms, the API and exports: `unlisted` is for those who know its address. */
export const VISIBILITIES = ['public', 'unlisted'] as const;

export type Visibility = (typeof VISIBILITIES)[number];

export function visibilityOf(isUnlisted: boolean): Visibility {
  return isUnlisted ? 'unlisted' : 'public';
}
