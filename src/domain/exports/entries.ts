import type { Db } from '../../database/schema.ts';
import { listTokens } from '../api-tokens/list.ts';
import { readDrafts } from '../drafts/find.ts';
import { type Following, listFollowed, listFollowers } from '../follows/list.ts';
import { listFiles, readFile } from '../images/find.ts';
import { listMarks, type MarkedPost } from '../likes/list.ts';
import { type ListedNotification, listNotifications } from '../notifications/list.ts';
import { listPasskeys } from '../passkeys/list.ts';
import { findMailChoices } from '../people/mail-choices.ts';
import { findPicture } from '../pictures/find.ts';
import { listOwnEvents, type OwnEvent } from '../security-events/list.ts';
import { listSessions } from '../sessions/list.ts';
import { listSubscriptions } from '../subscriptions/subscribe.ts';
import { listFollowedTags } from '../tags/follow.ts';
import { asJson, type Entry, type Options, PAGE_SIZE } from './entry.ts';
import {
  draftJson,
  eventJson,
  imageJson,
  imageName,
  markJson,
  notificationJson,
  passkeyJson,
  sessionJson,
  tokenJson,
} from './json.ts';
import { writings } from './writings.ts';

/**
 * The files of an export: everything a person wrote and everything stored about them, except what only the site can use,
 * such as hashes. Each file is read from the database while it is written.
 */
export async function exportEntries(db: Db, options: Options): Promise<Entry[]> {
  const { userId } = options;
  const picture = await findPicture(db, userId);
  const images = await listFiles(db, userId);
  return [
    { name: 'profile.json', content: () => profileJson(db, userId) },
    ...(picture ? [{ name: 'picture.webp', content: () => once(() => picture) }] : []),
    ...writings(db, options),
    shortList('images.json', () => images, imageJson),
    ...images.map((image) => ({
      name: imageName(image),
      content: () => once(() => readFile(db, image)),
    })),
    ...follows(db, options),
    shortList('drafts.json', () => readDrafts(db, userId), draftJson),
    { name: 'likes.json', content: () => asJson(marks(db, options, 'likes'), markJson) },
    { name: 'bookmarks.json', content: () => asJson(marks(db, options, 'bookmarks'), markJson) },
    shortList('muted-and-blocked.json', () => readBlocks(db, userId)),
    shortList('followed-tags.json', () => listFollowedTags(db, userId)),
    shortList('subscriptions.json', () => listSubscriptions(db, userId)),
    shortList('passkeys.json', () => listPasskeys(db, userId), passkeyJson),
    shortList('sessions.json', () => listSessions(db, userId), sessionJson),
    shortList('api-tokens.json', () => listTokens(db, userId), tokenJson),
    { name: 'notifications.json', content: () => asJson(notifications(db, options), notificationJson) },
    { name: 'activity.json', content: () => asJson(activity(db, options), eventJson) },
  ];
}

/** A list that fits into memory. */
function shortList<Row extends object>(
  name: string,
  read: () => readonly Row[] | Promise<readonly Row[]>,
  shape: (row: Row) => object = (row) => row,
): Entry {
  return { name, content: () => asJson(once(read), shape) };
}

async function* once<Content>(read: () => Content | Promise<Content>): AsyncGenerator<Content> {
  yield await read();
}

/** Up to `MAX_BLOCKS` people. */
function readBlocks(db: Db, userId: number): Promise<object[]> {
  return db
    .selectFrom('blocks')
    .innerJoin('users', 'users.id', 'blocks.blocked_id')
    .select(['users.username', 'blocks.kind', 'blocks.created_at as since'])
    .where('blocks.blocker_id', '=', userId)
    .orderBy('blocks.id')
    .execute();
}

function follows(db: Db, options: Options): Entry[] {
  const pages = (list: typeof listFollowed) =>
    pagesBefore(options, async (before) => {
      const { items, older } = await list(db, options.userId, { before, size: PAGE_SIZE });
      return { rows: items, next: older };
    });
  const shape = ({ username, since }: Following) => ({ username, since });
  return [
    { name: 'following.json', content: () => asJson(pages(listFollowed), shape) },
    { name: 'followers.json', content: () => asJson(pages(listFollowers), shape) },
  ];
}

/** Newest first. */
function marks(
  db: Db,
  options: Options,
  table: 'likes' | 'bookmarks',
): AsyncGenerator<readonly MarkedPost[]> {
  return pagesBefore(options, async (before) => {
    const rows = await listMarks(db, table, options.userId, { before, size: PAGE_SIZE });
    return { rows, next: rows.at(-1)?.id };
  });
}

function activity(db: Db, options: Options): AsyncGenerator<readonly OwnEvent[]> {
  return pagesBefore(options, async (before) => {
    const { events, next } = await listOwnEvents(db, options.userId, before);
    return { rows: events, next };
  });
}

function notifications(db: Db, options: Options): AsyncGenerator<readonly ListedNotification[]> {
  return pagesBefore(options, async (before) => {
    const own = { recipientId: options.userId };
    const { items, older } = await listNotifications(db, own, { before, size: PAGE_SIZE });
    return { rows: items, next: older };
  });
}

/** Reads a list page by page, newest first. Also notices when the export is cancelled. */
async function* pagesBefore<Row>(
  { report, signal }: Options,
  read: (before: number | undefined) => Promise<{ rows: readonly Row[]; next: number | undefined }>,
): AsyncGenerator<readonly Row[]> {
  let before: number | undefined;
  do {
    const { rows, next } = await read(before);
    yield rows;
    await report(0);
    signal.throwIfAborted();
    before = next;
  } while (before !== undefined);
}

async function* profileJson(db: Db, userId: number): AsyncGenerator<string> {
  const { createdAt, aboutMe, twoFactorSince, ...profile } = await db
    .selectFrom('users')
    .select(['username', 'email', 'name', 'location', 'about_me as aboutMe', 'created_at as createdAt'])
    .select(['totp_since as twoFactorSince', 'pinned_post_id as pinned_post'])
    .where('id', '=', userId)
    .executeTakeFirstOrThrow();
  const { wantsDigest, ...frequencies } = await findMailChoices(db, userId);
  const shown = {
    ...profile,
    about_me: aboutMe,
    member_since: createdAt,
    two_factor_since: twoFactorSince,
    email_notifications: { ...frequencies, weekly_digest: wantsDigest },
  };
  yield `${JSON.stringify(shown, null, 2)}\n`;
}
