import { randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import { requestDeletion } from '../../../src/domain/accounts/delete-account.ts';
import type { Credentials } from '../../../src/domain/accounts/find.ts';
import { issueToken } from '../../../src/domain/api-tokens/issue.ts';
import { bookmark } from '../../../src/domain/bookmarks/bookmark.ts';
import { setCommentDisabled } from '../../../src/domain/comments/write.ts';
import { createDraft } from '../../../src/domain/drafts/save.ts';
import { follow } from '../../../src/domain/follows/follow.ts';
import { invite } from '../../../src/domain/joining/invite.ts';
import { like } from '../../../src/domain/likes/like.ts';
import { mintReturnKey } from '../../../src/domain/mail/bounce.ts';
import { recordDelivery } from '../../../src/domain/mail/ledger.ts';
import { notify } from '../../../src/domain/notifications/notify.ts';
import { unsubscribeToken } from '../../../src/domain/people/mail-choices.ts';
import { pinPost } from '../../../src/domain/posts/pin.ts';
import { publishPost, setPostDisabled, updatePost } from '../../../src/domain/posts/write.ts';
import { startSession } from '../../../src/domain/sessions/start.ts';
import { changeSitePage, type SitePageName } from '../../../src/domain/site/pages.ts';
import { followTag } from '../../../src/domain/tags/follow.ts';
import { hashToken } from '../../../src/domain/token.ts';
import { openBreaker, setLimit } from '../../../src/queue/index.ts';
import { mailQueue } from '../../../src/queues.ts';
import { issueTestToken } from '../../support/api.ts';
import { mailedToken, mintToken, type TestUser } from '../../support/factories.ts';
import { insertPasskey } from '../../support/passkeys.ts';
import { giveTwoFactor, takeTwoFactor } from '../../support/two-factor.ts';
import { writeComments, writePosts } from '../../support/writing.ts';
import type { Person } from './matrix.ts';

/** The context of a request: the people, and which of them sends it. */
export interface Situation {
  readonly app: FastifyInstance;
  readonly people: Readonly<Record<Exclude<Person, 'anonymous'>, TestUser>>;
  /** Undefined for a visitor. */
  readonly actor: TestUser | undefined;
}

/** An unused name. */
export function freshName(): string {
  return `n${randomUUID().replaceAll('-', '')}`;
}

/** An account with its current password hash. Opens it if an earlier request has closed it. */
export function credentialsOf({ db }: FastifyInstance, { id }: TestUser): Promise<Credentials> {
  return db
    .updateTable('users')
    .set({ deletion_due_at: null })
    .where('id', '=', id)
    .returning(['id', 'password_hash as passwordHash'])
    .executeTakeFirstOrThrow();
}

/** The actor has two-factor authentication. */
export async function withTwoFactor({ app, actor }: Situation): Promise<undefined> {
  if (actor !== undefined) await giveTwoFactor(app, actor);
}

export async function withoutTwoFactor({ app, actor }: Situation): Promise<undefined> {
  if (actor !== undefined) await takeTwoFactor(app, actor);
}

/** A token as obtained with a password, which must be enough. */
export async function issueUnnamedToken(app: FastifyInstance, user: TestUser): Promise<string> {
  await takeTwoFactor(app, user);
  return issueToken(app.db, await credentialsOf(app, user));
}

/** The cookie of a session that was started with a password, and a code if the account needs one. */
export async function sessionCookie(app: FastifyInstance, user: TestUser): Promise<string> {
  const { id: userId, passwordHash } = await credentialsOf(app, user);
  return `session=${await startSession(app.db, { userId, passwordHash, isRemembered: false, isSecondFactorProven: true })}`;
}

/** A post of the owner's. */
export async function post({ app, people }: Situation): Promise<number> {
  const [id = 0] = await writePosts(app, people.owner);
  return id;
}

/** A draft of the owner's. */
export async function draft({ app, people }: Situation): Promise<number> {
  const { id } = await createDraft(app.db, people.owner.id, { title: '', body: 'Hello', tags: '' });
  return id;
}

export async function scheduledDraft(situation: Situation): Promise<number> {
  const id = await draft(situation);
  const update = situation.app.db.updateTable('drafts').set({ publish_at: new Date('9999-12-31') });
  await update.where('id', '=', id).execute();
  return id;
}

/** A post of the owner's and the number of its earlier version, as a path with something between them. */
export const versionAt =
  (between: string) =>
  async (situation: Situation): Promise<string> => {
    const id = await post(situation);
    await updatePost(situation.app, id, await situation.app.markdown.post('Edited'), undefined);
    return `${id}${between}1`;
  };

/** A post that the owner has pinned. */
export async function pinnedPost(situation: Situation): Promise<number> {
  const id = await post(situation);
  await pinPost(situation.app.db, situation.people.owner.id, id);
  return id;
}

/** What the path of a post with a title has besides. */
export async function titledPost({ app, people }: Situation): Promise<string> {
  const text = { ...(await app.markdown.post('Hello')), title: 'On bread' };
  const { id } = await publishPost(app, people.owner.id, text);
  return `${id}/on-bread`;
}

/** A post that the actor likes, unless it is the actor's. */
export async function likedPost(situation: Situation): Promise<number> {
  const postId = await post(situation);
  const { app, people, actor = people.user } = situation;
  if (actor.id !== people.owner.id) await like(app, { userId: actor.id, postId });
  return postId;
}

/** A post among the actor's bookmarks. */
export async function bookmarkedPost(situation: Situation): Promise<number> {
  const postId = await post(situation);
  const { app, people, actor = people.user } = situation;
  await bookmark(app.db, { userId: actor.id, postId });
  return postId;
}

/** A comment by the owner on a post by the user, who cannot change the comment. */
export async function comment({ app, people }: Situation): Promise<number> {
  const [postId = 0] = await writePosts(app, people.user);
  const [id = 0] = await writeComments(app, people.owner, postId);
  return id;
}

export async function disabledComment(situation: Situation): Promise<number> {
  const id = await comment(situation);
  await setCommentDisabled(situation.app.db, id, true);
  return id;
}

export async function disabledPost(situation: Situation): Promise<number> {
  const id = await post(situation);
  await setPostDisabled(situation.app.db, id, true);
  return id;
}

/** The event of a post that was hidden. */
export async function disabling(situation: Situation): Promise<number> {
  await disabledPost(situation);
  const { db } = situation.app;
  const events = db.selectFrom('security_events').where('kind', '=', 'post-disabled');
  const { id } = await events.select(({ fn }) => fn.max('id').as('id')).executeTakeFirstOrThrow();
  return id;
}

export async function silenced(situation: Situation): Promise<number> {
  const { id } = await somebody(situation);
  const update = situation.app.db.updateTable('users').set({ silenced_until: new Date('9999-12-31') });
  await update.where('id', '=', id).execute();
  return id;
}

/** A new account, with the owner's password. */
export function somebody(
  { app: { db }, people: { owner } }: Situation,
  { isConfirmed = true } = {},
): Promise<{ id: number; username: string }> {
  const username = freshName();
  return db
    .insertInto('users')
    .values(({ selectFrom }) => ({
      email: `${username}@example.com`,
      username,
      role: 'User',
      wants_digest: true,
      confirmed_at: isConfirmed ? new Date() : null,
      password_hash: selectFrom('users').select('password_hash').where('id', '=', owner.id),
    }))
    .returning(['id', 'username'])
    .executeTakeFirstOrThrow();
}

/** The picture of somebody. */
async function givePicture({ db }: FastifyInstance, userId: number): Promise<string> {
  const hash = randomUUID().padEnd(43, '0');
  const files = { small: Buffer.from('small'), large: Buffer.from('large') };
  await db.deleteFrom('pictures').where('user_id', '=', userId).execute();
  await db
    .insertInto('pictures')
    .values({ user_id: userId, hash, ...files })
    .execute();
  await db.updateTable('users').set({ picture_hash: hash }).where('id', '=', userId).execute();
  return hash;
}

/** What the path of a picture has besides. */
export async function pictureFile(situation: Situation): Promise<string> {
  const { id } = await somebody(situation);
  return `small/${await givePicture(situation.app, id)}`;
}

export async function somebodyWithPicture(situation: Situation): Promise<number> {
  const { id } = await somebody(situation);
  await givePicture(situation.app, id);
  return id;
}

/** The actor has a picture. */
export async function ownPicture({ app, actor }: Situation): Promise<undefined> {
  if (actor !== undefined) await givePicture(app, actor.id);
}

/** A passkey of the actor's. */
export async function ownPasskey({ app, people, actor }: Situation): Promise<number> {
  await takeTwoFactor(app, actor ?? people.owner);
  return insertPasskey(app, actor ?? people.owner);
}

/** An image of the owner's, which no post shows. */
export async function image({ app: { db }, people: { owner } }: Situation): Promise<string> {
  const key = randomUUID().slice(0, 22);
  const { id } = await db
    .insertInto('images')
    .values({ key, owner_id: owner.id, alt: '', width: 1, height: 1, size: 1 })
    .returning('id')
    .executeTakeFirstOrThrow();
  await db
    .insertInto('image_files')
    .values({ image_id: id, width: 1, content: Buffer.from('file') })
    .execute();
  return key;
}

/** What the path of its file has besides. */
export async function imageFile(situation: Situation): Promise<string> {
  return `${await image(situation)}/1`;
}

/** Another session of the actor. */
export async function anotherSession({ app: { db }, actor }: Situation): Promise<string> {
  if (actor === undefined) return '0'.repeat(64);
  const options = { userId: actor.id, isRemembered: false, isSecondFactorProven: true };
  return hashToken(await startSession(db, options)).toString('hex');
}

/** A person the actor follows. */
export async function followed(situation: Situation): Promise<{ id: number; username: string }> {
  const person = await somebody(situation);
  if (situation.actor !== undefined) await follow(situation.app, situation.actor.id, person.id);
  return person;
}

/** A tag that the actor follows. */
export async function followedTag({ app: { db }, actor }: Situation): Promise<string> {
  const tag = freshName();
  if (actor !== undefined) await followTag(db, actor.id, tag);
  return tag;
}

/** Follows the owner, whose notification of it is unread. */
export async function notification(situation: Situation): Promise<number> {
  const { app, people } = situation;
  const { id } = await somebody(situation);
  await follow(app, id, people.owner.id);
  await notify(app, { about: 'follow', followerId: id, followedId: people.owner.id });
  const own = app.db.selectFrom('notifications').where('recipient_id', '=', people.owner.id);
  const newest = await own.select(({ fn }) => fn.max('id').as('id')).executeTakeFirstOrThrow();
  return newest.id;
}

/** The actor wants no digest. */
export async function noDigest({ app, actor }: Situation): Promise<undefined> {
  if (actor !== undefined)
    await app.db.updateTable('users').set({ wants_digest: false }).where('id', '=', actor.id).execute();
}

export async function confirmation(situation: Situation): Promise<string> {
  const { id: userId } = await somebody(situation, { isConfirmed: false });
  return mintToken(situation.app, userId, 'confirm-account');
}

export async function reset(situation: Situation): Promise<string> {
  const { id: userId } = await somebody(situation);
  return mintToken(situation.app, userId, 'reset-password');
}

/** So that the Administrator is not the only one. */
export async function anotherAdministrator(situation: Situation): Promise<undefined> {
  const { id } = await somebody(situation);
  await situation.app.db.updateTable('users').set({ role: 'Administrator' }).where('id', '=', id).execute();
}

/** The link to undo a deletion. */
export async function deletion(situation: Situation): Promise<string> {
  const { id: userId } = await somebody(situation);
  await requestDeletion(situation.app, userId, { keepsTexts: false });
  return mailedToken(situation.app, { template: 'account-deletion', userId });
}

export async function unsubscribing(situation: Situation): Promise<string> {
  const { id } = await somebody(situation);
  const { key } = await situation.app.db
    .updateTable('users')
    .set({ wants_digest: true })
    .where('id', '=', id)
    .returning('unsubscribe_key as key')
    .executeTakeFirstOrThrow();
  return unsubscribeToken('digest', key);
}

/** The link that confirms a subscription to the owner's posts. */
export async function subscribing({ app, people }: Situation): Promise<string> {
  const { id: subscriptionId } = await app.db
    .insertInto('subscriptions')
    .values({ author_id: people.owner.id, email: `${freshName()}@example.com`, asked_at: new Date() })
    .returning('id')
    .executeTakeFirstOrThrow();
  return mailedToken(app, { template: 'confirm-subscription', subscriptionId });
}

/** The actor's address has bounced. */
export async function bouncing({ app, actor }: Situation): Promise<undefined> {
  if (actor === undefined) return;
  await app.db
    .updateTable('users')
    .set({ email_bounced_at: new Date() })
    .where('id', '=', actor.id)
    .execute();
}

/** The key of a mail that was sent. */
export async function returnKey(situation: Situation): Promise<string> {
  const { id: userId, username } = await somebody(situation);
  const key = mintReturnKey();
  await recordDelivery(situation.app.db, {
    jobId: randomUUID(),
    userId,
    subscriptionId: null,
    template: 'notifications',
    messageId: '<1@example.com>',
    sentTo: `${username}@example.com`,
    returnKey: key,
    isRefused: false,
    response: '250 OK',
  });
  return key;
}

/** The link to undo a completed change. */
export async function emailChangeToUndo(situation: Situation): Promise<string> {
  const { id: userId, username } = await somebody(situation);
  const { id: emailChangeId } = await situation.app.db
    .insertInto('email_changes')
    .values({
      user_id: userId,
      new_email: `${username}@example.com`,
      old_email: `${freshName()}@example.com`,
      completed_at: new Date(),
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  return mailedToken(situation.app, { template: 'email-changed', emailChangeId });
}

export async function emailChange(situation: Situation): Promise<string> {
  const { id: userId } = await somebody(situation);
  const { id: emailChangeId } = await situation.app.db
    .insertInto('email_changes')
    .values({ user_id: userId, new_email: `${freshName()}@example.com` })
    .returning('id')
    .executeTakeFirstOrThrow();
  return mailedToken(situation.app, { template: 'change-email', emailChangeId });
}

/** The people who send requests have no export in progress. */
export async function noExports({ app, people }: Situation): Promise<undefined> {
  const exports = app.db.deleteFrom('data_exports').where('state', '=', 'waiting');
  await exports.where('user_id', 'in', idsOf(people)).execute();
}

/** The actor has no import in progress. */
export async function noImports({ app, actor }: Situation): Promise<undefined> {
  if (actor !== undefined) await app.db.deleteFrom('data_imports').where('user_id', '=', actor.id).execute();
}

/** An export of the owner's. */
async function dataExport(situation: Situation, state: 'waiting' | 'ready'): Promise<number> {
  await noExports(situation);
  const { id } = await situation.app.db
    .insertInto('data_exports')
    .values({
      user_id: situation.people.owner.id,
      state,
      ended_at: state === 'ready' ? new Date() : null,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  return id;
}

export async function waitingExport(situation: Situation): Promise<undefined> {
  await dataExport(situation, 'waiting');
}

export async function finishedExport(situation: Situation): Promise<undefined> {
  await dataExport(situation, 'ready');
}

export async function exportLink(situation: Situation): Promise<string> {
  const exportId = await dataExport(situation, 'ready');
  return mailedToken(situation.app, {
    template: 'export-ready',
    userId: situation.people.owner.id,
    exportId,
  });
}

/** The owner's only token. */
export async function namedToken({ app, people }: Situation): Promise<number> {
  await deleteTokens({ app, people });
  await issueTestToken(app, people.owner, { name: 'Reader', scope: 'read' });
  const tokens = app.db.selectFrom('api_tokens').where('user_id', '=', people.owner.id);
  return (await tokens.select('id').executeTakeFirstOrThrow()).id;
}

export async function unnamedToken({ app, people }: Situation): Promise<undefined> {
  await deleteTokens({ app, people });
  await issueUnnamedToken(app, people.owner);
}

async function deleteTokens({ app, people }: Pick<Situation, 'app' | 'people'>): Promise<void> {
  await app.db.deleteFrom('api_tokens').where('user_id', 'in', idsOf(people)).execute();
}

function idsOf(people: Situation['people']): number[] {
  return Object.values(people).map(({ id }) => id);
}

/** A job and its queue, as a path. */
export async function job({ app: { db, queue }, people }: Situation): Promise<string> {
  await queue.send(mailQueue, { template: 'confirm-account', userId: people.owner.id }, { db });
  const { rows } = await sql<{ id: string }>`select id from pgboss.job where name = 'mail' limit 1`.execute(
    db,
  );
  return `mail/${rows[0]?.id}`;
}

export async function noPausedQueues({ app }: Situation): Promise<undefined> {
  await app.db.deleteFrom('paused_queues').execute();
}

export async function noLimits({ app }: Situation): Promise<undefined> {
  await app.db.deleteFrom('job_limits').execute();
}

export async function limitOnMail({ app }: Situation): Promise<undefined> {
  await setLimit(app.db, { queue: 'mail', key: '', rate: '200/hour' });
}

export async function waitingMailQueue({ app }: Situation): Promise<undefined> {
  await app.db.deleteFrom('queue_breakers').execute();
  await openBreaker(app.db, 'mail', { jobId: randomUUID(), reason: 'full', seconds: 60 });
}

/** An application that waits for a moderator, by its applicant's id. */
export async function application(situation: Situation): Promise<number> {
  const { id } = await somebody(situation, { isConfirmed: false });
  await situation.app.db
    .insertInto('applications')
    .values({ user_id: id, reason: 'To read', confirmed_at: new Date() })
    .execute();
  return id;
}

/** The token of an invitation. */
export function invitation({ app: { db }, people }: Situation): Promise<string> {
  return invite(db, people.administrator.id, { maxUses: 1, days: 1 });
}

export async function invitationId(situation: Situation): Promise<number> {
  const hash = hashToken(await invitation(situation));
  const found = situation.app.db.selectFrom('invitations').select('id').where('token_hash', '=', hash);
  return (await found.executeTakeFirstOrThrow()).id;
}

/** A page about the site. */
export const sitePage =
  (name: SitePageName) =>
  async ({ app: { db } }: Situation): Promise<undefined> =>
    changeSitePage(db, name, { body: 'Hello', html: '<p>Hello</p>' }).then(() => undefined);

/** A mail in the local mailbox. */
export async function mail({ app }: Situation): Promise<string> {
  const folder = join(app.config.dataDir, 'mailbox');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'one.eml'), 'Content-Type: text/html\r\n\r\n<p>Hello</p>\r\n');
  return 'one';
}
