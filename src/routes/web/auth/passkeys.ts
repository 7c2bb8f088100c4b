import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { addPasskey, MAX_PASSKEYS, optionsForNew } from '../../../domain/passkeys/add.ts';
import { removePasskey, renamePasskey } from '../../../domain/passkeys/change.ts';
import { findPasskey, type ListedPasskey } from '../../../domain/passkeys/list.ts';
import { type RelyingParty, relyingPartyOf } from '../../../domain/passkeys/relying-party.ts';
import { findTwoFactor } from '../../../domain/two-factor/find.ts';
import type { FormState } from '../../../plugins/web/forms.ts';
import { currentUser, sessionOf } from '../../../plugins/web/session.ts';
import { requireUser, requireVerified } from '../../guards.ts';
import { browserName } from '../browser-name.ts';
import { idFrom, type WithId } from '../params.ts';
import { credentialField, wrongPasskey } from './fields.ts';
import { showCodes } from './two-factor.ts';

const NameForm = Type.Object({ name: Type.String({ minLength: 1, maxLength: 64 }) });
const NewForm = Type.Object({ ...NameForm.properties, credential: credentialField() });
const ChangeForm = Type.Object({ ...NameForm.properties, remove: Type.Boolean() });

/** Where people add, rename and remove passkeys, after giving the password. */
export default async function passkeyRoutes(app: FastifyInstance): Promise<void> {
  const site = relyingPartyOf(app.config.baseUrl);
  app.addHook('onRequest', requireUser);
  app.addHook('onRequest', requireVerified);
  if (site !== undefined) app.register(adding, site);
  app.register(changing);
}

async function adding(app: FastifyInstance, site: RelyingParty): Promise<void> {
  const { db, queue } = app;

  app.get('/add', (request, reply) => {
    const name = browserName(request.headers['user-agent'] ?? '').slice(0, 64);
    return showNew(request, reply, { values: { name }, errors: {} });
  });

  app.post('/options', { config: { limit: 'profile' } }, async (request, reply) => {
    const { id: userId, username } = currentUser(request);
    const sessionHash = await sessionOf(request).ensure();
    const { name: siteName } = app.site.settings;
    const options = await optionsForNew(db, { ...site, siteName }, { userId, username, sessionHash });
    return reply.header('cache-control', 'no-store').send(options);
  });

  app.post('/add', { config: { limit: 'profile' } }, async (request, reply) => {
    const form = request.readForm(NewForm);
    if (form.data === undefined) return showNew(request, reply.code(422), form.state);
    const { name, credential: answer } = form.data;
    const { id: userId } = currentUser(request);
    const session = sessionOf(request);
    const passkey = { userId, session: session.hash, name, answer };
    const added = await addPasskey({ db, queue }, site, passkey);
    if (added === undefined)
      return showNew(request, reply.code(422), form.refuse('credential', wrongPasskey(answer)));
    if (added.isFirst) {
      await session.renew();
      await session.rememberBrowser(userId);
    }
    if (added.codes.length > 0) return showCodes(reply, added.codes);
    await session.flash('The passkey has been added.');
    return reply.redirect('/auth/security', 303);
  });
}

async function changing(app: FastifyInstance): Promise<void> {
  const { db, queue } = app;

  app.get<WithId>('/:id', async (request, reply) => {
    const passkey = await find(request);
    return show(reply, passkey, { values: { name: passkey.name }, errors: {} });
  });

  app.post<WithId>('/:id', { config: { limit: 'profile' } }, async (request, reply) => {
    const passkey = await find(request);
    const form = request.readForm(ChangeForm);
    if (form.data === undefined) return show(reply.code(422), passkey, form.state);
    const which = { userId: currentUser(request).id, id: passkey.id };
    const { name, remove: isRemoved } = form.data;
    if (isRemoved) await removePasskey({ db, queue }, which);
    else await renamePasskey(db, which, name);
    await sessionOf(request).flash(isRemoved ? 'The passkey has been removed.' : 'The name has been saved.');
    return reply.redirect('/auth/security', 303);
  });
}

function find(request: FastifyRequest<WithId>): Promise<ListedPasskey> {
  return findPasskey(request.server.db, currentUser(request).id, idFrom(request.params.id));
}

async function showNew(request: FastifyRequest, reply: FastifyReply, form: FormState) {
  const { isOn, passkeys } = await findTwoFactor(request.server.db, currentUser(request).id);
  const isFull = passkeys >= MAX_PASSKEYS;
  return reply.page('auth/passkey-add', { title: 'Add a passkey', form, isFirst: !isOn, isFull });
}

function show(reply: FastifyReply, passkey: ListedPasskey, form: FormState) {
  return reply.page('auth/passkey', { title: `Passkey “${passkey.name}”`, passkey, form });
}
