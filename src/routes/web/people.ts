import type { FastifyInstance, FastifyReply } from 'fastify';
import { Type } from 'typebox';
import { Permission, ROLES } from '../../domain/accounts/roles.ts';
import { editAnyProfile, editOwnProfile } from '../../domain/people/edit.ts';
import { type EditableProfile, findEditableProfile, findProfile } from '../../domain/people/find.ts';
import { chooseMails, findMailChoices } from '../../domain/people/mail-choices.ts';
import { findListedPost, listPosts } from '../../domain/posts/list.ts';
import { seesUnlisted } from '../../domain/posts/visibility.ts';
import { DomainError } from '../../errors.ts';
import type { FormState } from '../../plugins/web/forms.ts';
import { currentUser, readDbFor, sessionOf } from '../../plugins/web/session.ts';
import { requirePermission, requireUser, requireVerified } from '../guards.ts';
import { emailField, usernameField } from './auth/fields.ts';
import { metaOfProfile } from './meta.ts';
import { paginate } from './pagination.ts';
import { idFrom, placeOfPostsFrom, queryOf, type WithId, type WithUsername } from './params.ts';

/** How often to mail about notifications, and how the form says it. */
const FREQUENCIES = [
  ['at-once', 'At once'],
  ['daily', 'Once a day'],
  ['never', 'Never'],
] as const;

const profileFields = {
  name: Type.String({ maxLength: 64 }),
  location: Type.String({ maxLength: 64 }),
  about_me: Type.String({ maxLength: 2000 }),
};
const ProfileForm = Type.Object(profileFields);
const frequencyField = () => Type.Enum(FREQUENCIES.map(([frequency]) => frequency));
const MailChoicesForm = Type.Object({
  digest: Type.Boolean(),
  comment_mails: frequencyField(),
  reply_mails: frequencyField(),
  mention_mails: frequencyField(),
  follow_mails: frequencyField(),
});
const AnyProfileForm = Type.Object({
  email: emailField(),
  username: usernameField(),
  confirmed: Type.Boolean(),
  role: Type.Enum([...ROLES]),
  ...profileFields,
});

export default async function people(app: FastifyInstance): Promise<void> {
  const { config } = app;
  const isShared = { config: { isShared: true } };
  app.get<WithUsername>('/user/:username', isShared, async (request, reply) => {
    const { user } = sessionOf(request);
    const readDb = readDbFor(request);
    const profile = await findProfile(readDb, request.params.username, user);
    const place = placeOfPostsFrom(request.query);
    const { pinnedPostId } = profile;
    const hasUnlisted = seesUnlisted(user, profile.id);
    const filter = { author: profile, hasUnlisted, exceptId: pinnedPostId };
    const posts = await listPosts(readDb, filter, { ...place, size: config.postsPerPage });
    const isFirst = queryOf(place) === '';
    const pinned = isFirst && pinnedPostId !== null ? await findListedPost(readDb, pinnedPostId) : undefined;
    return reply.page('people/show', {
      title: profile.username + (isFirst ? '' : ', more posts'),
      meta: metaOfProfile(profile, place, app.site.settings.name),
      profile,
      pinned,
      posts,
      pagination: paginate(posts, { path: `/user/${profile.username}`, place }),
    });
  });

  app.register(ownProfile);
  app.register(anyProfile);
}

/** Where people edit their own profile. */
async function ownProfile(app: FastifyInstance): Promise<void> {
  const { db } = app;
  app.addHook('onRequest', requireUser);

  app.get('/edit-profile', async (request, reply) => {
    const profile = await findEditableProfile(db, currentUser(request).id);
    return showOwnEditor(reply, { values: formValues(profile), errors: {} });
  });

  const mayWrite = { onRequest: requirePermission(Permission.WRITE), config: { limit: 'profile' as const } };
  app.post('/edit-profile', mayWrite, async (request, reply) => {
    const { id, username } = currentUser(request);
    const form = request.readForm(ProfileForm);
    if (form.data === undefined) return showOwnEditor(reply.code(422), form.state);
    const { name, location, about_me: aboutMe } = form.data;
    await editOwnProfile(db, id, { name, location, aboutMe });
    await sessionOf(request).flash('Your profile has been updated.');
    return reply.redirect(`/user/${username}`, 303);
  });

  app.get('/edit-profile/mails', async (request, reply) => {
    const choices = await findMailChoices(db, currentUser(request).id);
    const values = {
      digest: choices.wantsDigest ? 'y' : '',
      comment_mails: choices.comments,
      reply_mails: choices.replies,
      mention_mails: choices.mentions,
      follow_mails: choices.follows,
    };
    return showMailChoices(reply, { values, errors: {} });
  });

  app.post('/edit-profile/mails', { config: { limit: 'profile' } }, async (request, reply) => {
    const form = request.readForm(MailChoicesForm);
    if (form.data === undefined) return showMailChoices(reply.code(422), form.state);
    await chooseMails(db, currentUser(request).id, {
      wantsDigest: form.data.digest,
      comments: form.data.comment_mails,
      replies: form.data.reply_mails,
      mentions: form.data.mention_mails,
      follows: form.data.follow_mails,
    });
    await sessionOf(request).flash('Your email notifications have been updated.');
    return reply.redirect('/edit-profile/mails', 303);
  });
}

function showMailChoices(reply: FastifyReply, form: FormState) {
  return reply.page('people/mails', { title: 'Email notifications', form, frequencies: FREQUENCIES });
}

function showOwnEditor(reply: FastifyReply, form: FormState) {
  return reply.page('people/edit', { title: 'Edit your profile', form });
}

/** Where Administrators edit anyone's profile. */
async function anyProfile(app: FastifyInstance): Promise<void> {
  const { db, queue } = app;
  app.addHook('onRequest', requireUser);
  app.addHook('onRequest', requirePermission(Permission.ADMIN));
  app.addHook('onRequest', requireVerified);

  app.get<WithId>('/edit-profile/:id', async (request, reply) => {
    const profile = await findEditableProfile(db, idFrom(request.params.id));
    return showAnyEditor(reply, profile, { values: formValues(profile), errors: {} });
  });

  app.post<WithId>('/edit-profile/:id', { config: { limit: 'profile' } }, async (request, reply) => {
    const profile = await findEditableProfile(db, idFrom(request.params.id));
    const form = request.readForm(AnyProfileForm);
    if (form.data === undefined) return showAnyEditor(reply.code(422), profile, form.state);
    const { confirmed: isConfirmed, about_me: aboutMe, ...rest } = form.data;
    try {
      const edited = { id: profile.id, isConfirmed, aboutMe, ...rest };
      const isOwn = profile.id === currentUser(request).id;
      const session = isOwn ? await sessionOf(request).renew() : undefined;
      await editAnyProfile({ db, queue }, edited, { session });
    } catch (error) {
      const field = error instanceof DomainError && FIELD_OF[error.code];
      if (!field) throw error;
      return showAnyEditor(reply.code(422), profile, form.refuse(field, error.message));
    }
    await sessionOf(request).flash('The profile has been updated.');
    return reply.redirect(`/user/${rest.username}`, 303);
  });
}

/** The field that an error belongs to. */
const FIELD_OF: Readonly<Record<string, 'email' | 'username' | 'role' | undefined>> = {
  'last-administrator': 'role',
  'email-taken': 'email',
  'username-taken': 'username',
};

function formValues({ aboutMe, isConfirmed, id: _id, ...rest }: EditableProfile): Record<string, string> {
  return { ...rest, about_me: aboutMe, confirmed: isConfirmed ? 'y' : '' };
}

function showAnyEditor(reply: FastifyReply, profile: EditableProfile, form: FormState) {
  return reply.page('people/edit-any', { title: `Edit ${profile.username}`, profile, form, roles: ROLES });
}
