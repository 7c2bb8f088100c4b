import type { FastifyInstance, FastifyReply } from 'fastify';
import { Type } from 'typebox';
import { MAX_BODY_LENGTH } from '../../domain/markdown/text.ts';
import { COLOUR_NAMES, SettingsFields } from '../../domain/site/fields.ts';
import { changeSitePage, findSitePage, SITE_PAGES, type SitePage } from '../../domain/site/pages.ts';
import { changeSettings, loadSettings, typedOf } from '../../domain/site/settings.ts';
import { DomainError, noSuch } from '../../errors.ts';
import type { FormState } from '../../plugins/web/forms.ts';
import { sessionOf } from '../../plugins/web/session.ts';
import { requireVerified } from '../guards.ts';
import { textOf } from '../web/fields.ts';

const SettingsForm = Type.Object({
  ...SettingsFields.properties,
  version: Type.String({ pattern: '^\\d{0,10}$' }),
});

const PageForm = Type.Object({ body: Type.String({ maxLength: MAX_BODY_LENGTH }), preview: Type.Boolean() });

interface WithPage {
  Params: { page: string };
}

/** Where Administrators change the site's settings and pages, after entering their password. */
export default async function settings(app: FastifyInstance): Promise<void> {
  const { db, markdown, site } = app;
  app.addHook('onRequest', requireVerified);

  app.get('/', async (_request, reply) => {
    const saved = await loadSettings(db);
    return show(reply, { values: { ...typedOf(saved), version: saved.version }, errors: {} });
  });

  app.post('/', async (request, reply) => {
    const form = request.readForm(SettingsForm);
    if (form.data === undefined) return show(reply.code(422), form.state);
    const { version, ...changes } = form.data;
    try {
      await changeSettings(app, changes, version === '' ? undefined : version);
    } catch (error) {
      if (!(error instanceof DomainError) || error.code !== 'edit-conflict') throw error;
      const newest = await loadSettings(db);
      const values = { ...form.state.values, version: newest.version };
      return show(reply.code(422), { values, errors: {} }, error.message);
    }
    await site.refresh();
    await sessionOf(request).flash('The settings have been saved.');
    return reply.redirect('/admin/settings', 303);
  });

  app.get<WithPage>('/:page', async (request, reply) => {
    const page = pageFrom(request.params);
    const found = await findSitePage(db, page.name);
    return showPage(reply, page, { values: { body: found?.body ?? '' }, errors: {} });
  });

  app.post<WithPage>('/:page', async (request, reply) => {
    const page = pageFrom(request.params);
    const form = request.readForm(PageForm);
    if (form.data === undefined) return showPage(reply.code(422), page, form.state);
    const rendered = await textOf(markdown.post(form.data.body), form);
    if ('refused' in rendered) return showPage(reply.code(422), page, rendered.refused);
    if (form.data.preview) return showPage(reply, page, form.state, rendered.text.html);
    await changeSitePage(db, page.name, rendered.text);
    await site.refresh();
    await sessionOf(request).flash('The page has been saved.');
    return reply.redirect(`/admin/settings/${page.name}`, 303);
  });
}

/** @throws DomainError `not-found` */
function pageFrom(params: WithPage['Params']): SitePage {
  const page = SITE_PAGES.find(({ name }) => name === params.page);
  if (page === undefined) throw noSuch('page');
  return page;
}

function show(reply: FastifyReply, form: FormState, conflict?: string) {
  return reply.page('admin/settings', { title: 'Site settings', form, conflict, colours: COLOUR_NAMES });
}

function showPage(reply: FastifyReply, { name, title }: SitePage, form: FormState, previewHtml?: string) {
  return reply.page('admin/site-page', { title: `Edit “${title}”`, name, form, previewHtml });
}
