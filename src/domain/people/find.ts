import { sql } from 'kysely';
import type { Role } from '../../database/account-tables.ts';
import type { BlockKind, Db } from '../../database/schema.ts';
import { noSuch } from '../../errors.ts';
import { can, Permission, type Standing } from '../accounts/roles.ts';
import { IS_CONFIRMED } from '../accounts/standing.ts';
import { IS_VALID } from '../api-tokens/list.ts';
import { PUBLIC_COLUMNS, type PublicPerson } from './directory.ts';
import { LISTED, type ListedPerson } from './list.ts';

/** A public profile. */
export interface Profile extends PublicPerson {
  readonly commentCount: number;
  readonly followerCount: number;
  readonly followedCount: number;
  /** The post at the top; null if there is none. */
  readonly pinnedPostId: number | null;
  /** Whether the viewer follows this person, and the reverse. */
  readonly isFollowed: boolean;
  readonly followsViewer: boolean;
  /** Whether the viewer has muted or blocked this person; null if neither. */
  readonly blockKind: BlockKind | null;
}

/**
 * Finds the profile of a username in one query. Ignores case. Only Administrators see unconfirmed accounts.
 *
 * @param viewer null for a visitor
 * @throws DomainError `not-found`
 */
export async function findProfile(
  db: Db,
  username: string,
  viewer: (Standing & { readonly id: number }) | null,
): Promise<Profile> {
  const viewerId = viewer?.id ?? null;
  return db
    .selectFrom('users')
    .select(PUBLIC_COLUMNS)
    .select(['comment_count as commentCount', 'follower_count as followerCount'])
    .select('followed_count as followedCount')
    .select('pinned_post_id as pinnedPostId')
    .select(({ selectFrom, exists }) => [
      exists(
        selectFrom('follows')
          .select('follower_id')
          .where('follows.follower_id', '=', viewerId)
          .whereRef('follows.followed_id', '=', 'users.id'),
      )
        .$castTo<boolean>()
        .as('isFollowed'),
      exists(
        selectFrom('follows')
          .select('follower_id')
          .whereRef('follows.follower_id', '=', 'users.id')
          .where('follows.followed_id', '=', viewerId),
      )
        .$castTo<boolean>()
        .as('followsViewer'),
      selectFrom('blocks')
        .select('blocks.kind')
        .where('blocks.blocker_id', '=', viewerId)
        .whereRef('blocks.blocked_id', '=', 'users.id')
        .as('blockKind'),
    ])
    .where(sql`lower(users.username)`, '=', username.toLowerCase())
    .$if(!can(viewer, Permission.ADMIN), (profiles) => profiles.where('confirmed_at', 'is not', null))
    .executeTakeFirstOrThrow(() => noSuch('user'));
}

/** A person as the API shows them. */
export type Person = Omit<
  Profile,
  'avatarSeed' | 'pictureHash' | 'isFollowed' | 'followsViewer' | 'blockKind'
>;

/**
 * Finds a person with a confirmed account.
 *
 * @param who their id, or their username in any case
 * @throws DomainError `not-found`
 */
export async function findPerson(db: Db, who: number | string): Promise<Person> {
  const people = db
    .selectFrom('users')
    .select(['id', 'username', 'name', 'location', 'about_me as aboutMe'])
    .select(['created_at as memberSince', 'last_seen_at as lastSeen', 'pinned_post_id as pinnedPostId'])
    .select(['post_count as postCount', 'comment_count as commentCount'])
    .select(['follower_count as followerCount', 'followed_count as followedCount'])
    .where('confirmed_at', 'is not', null);
  const found =
    typeof who === 'number'
      ? people.where('id', '=', who)
      : people.where(sql`lower(username)`, '=', who.toLowerCase());
  return found.executeTakeFirstOrThrow(() => noSuch('user'));
}

/** A person found by username. */
export type Named = Pick<Profile, 'id' | 'username' | 'postCount'>;

/** Finds the confirmed account of a username. Ignores case. */
export function findByUsername(db: Db, username: string): Promise<Named | undefined> {
  return db
    .selectFrom('users')
    .select(['id', 'username', 'post_count as postCount'])
    .where(sql`lower(username)`, '=', username.toLowerCase())
    .where('confirmed_at', 'is not', null)
    .executeTakeFirst();
}

/** The part of an account that Administrators can edit. */
export interface EditableProfile {
  readonly id: number;
  readonly email: string;
  readonly username: string;
  readonly role: Role;
  readonly isConfirmed: boolean;
  readonly name: string;
  readonly location: string;
  readonly aboutMe: string;
}

/** @throws DomainError `not-found` */
export async function findEditableProfile(db: Db, id: number): Promise<EditableProfile> {
  return db
    .selectFrom('users')
    .select(['id', 'email', 'username', 'role', 'name', 'location', 'about_me as aboutMe'])
    .select(IS_CONFIRMED.as('isConfirmed'))
    .where('id', '=', id)
    .executeTakeFirstOrThrow(() => noSuch('account'));
}

/** An account as Administrators see it. */
export interface Account extends ListedPerson {
  readonly location: string;
  readonly aboutMe: string;
  /** When mail to the address last bounced; null if it did not. */
  readonly bouncedAt: Date | null;
  readonly followerCount: number;
  readonly followedCount: number;
  /** Valid API tokens. */
  readonly tokenCount: number;
}

/** @throws DomainError `not-found` */
export async function findAccount(db: Db, id: number): Promise<Account> {
  return db
    .selectFrom('users')
    .select(LISTED)
    .select(['location', 'about_me as aboutMe', 'email_bounced_at as bouncedAt'])
    .select(['follower_count as followerCount', 'followed_count as followedCount'])
    .select(
      sql<number>`(select count(*)::int from api_tokens where user_id = ${id} and ${IS_VALID})`.as(
        'tokenCount',
      ),
    )
    .where('users.id', '=', id)
    .executeTakeFirstOrThrow(() => noSuch('account'));
}
