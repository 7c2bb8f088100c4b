import { sql } from 'kysely';
import { can, Permission, type Standing } from '../accounts/roles.ts';

/** The condition for posts that no moderator has hidden. Whoever knows the address of one can read it. */
export const IS_SHOWN = sql<boolean>`not posts.is_disabled`;

/** The condition for posts in lists for everyone: neither hidden nor unlisted. */
export const IS_LISTED = sql<boolean>`posts.is_listed`;

/** Whether a person's own list of posts shows a reader the unlisted ones: it does to themselves and to moderators. */
export function seesUnlisted(reader: (Standing & { readonly id: number }) | null, authorId: number): boolean {
  return reader?.id === authorId || can(reader, Permission.MODERATE);
}

/** Who can see a post, as forms, the API and exports say it: `unlisted` is for those who know its address. */
export const VISIBILITIES = ['public', 'unlisted'] as const;

export type Visibility = (typeof VISIBILITIES)[number];

export function visibilityOf(isUnlisted: boolean): Visibility {
  return isUnlisted ? 'unlisted' : 'public';
}
