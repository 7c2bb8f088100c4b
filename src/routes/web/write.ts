import type { FastifyInstance, FastifyReply } from 'fastify';
import { Type } from 'typebox';
import { Permission } from '../../domain/accounts/roles.ts';
import type { Draft, DraftVersion } from '../../domain/drafts/draft.ts';
import { findDraft } from '../../domain/drafts/find.ts';
import { publishDraft } from '../../domain/drafts/publish.ts';
import { renderText } from '../../domain/mentions/render.ts';
import { pathOfPost } from '../../domain/posts/path.ts';
import { publishPost } from '../../domain/posts/write.ts';
import { DomainError } from '../../errors.ts';
import { EMPTY_FORM, type FormState } from '../../plugins/web/forms.ts';
import { currentUser } from '../../plugins/web/session.ts';
import { requirePermission, requireUser } from '../guards.ts';
import { postFields, postOf } from './fields.ts';
import { idFrom } from './params.ts';

/** The draft being written; both fields are empty for a new one. */
export const draftFields = () => ({
  draft: Type.String({ pattern: '^\\d{0,10}$' }),
  version: Type.String({ pattern: '^\\d{0,9}$' }),
});

const PublishForm = Type.Object({ ...postFields(), ...draftFields(), preview: Type.Boolean() });

const CONFLICT = 'This draft has been saved in another browser since. Send yours again to replace it.';
const DRAFT_GONE =
  'This draft has been published or deleted elsewhere. Send it again to keep what you see here.';

/** The writing page, which publishes new posts and drafts. */
export default async function write(app: FastifyInstance): Promise<void> {
  app.addHook('onRequest', requireUser);
  app.addHook('onRequest', requirePermission(Permission.WRITE));

  app.get('/write', async (_request, reply) => showWriter(reply, EMPTY_FORM));

  app.post('/write', { config: { limit: 'post', hasPreview: true } }, async (request, reply) => {
    const form = request.readForm(PublishForm);
    if (form.data === undefined) return showWriter(reply.code(422), form.state);
    const { id: writerId } = currentUser(request);
    const rendering = renderText(app, { kind: 'post', body: form.data.body, writerId });
    const written = await postOf(rendering, form.data, form);
    if ('refused' in written) return showWriter(reply.code(422), written.refused);
    if (form.data.preview) return showWriter(reply, form.state, { previewHtml: written.post.html });
    const draft = draftFrom(form.data);
    try {
      const post =
        draft === undefined
          ? await publishPost(app, writerId, written.post)
          : await publishDraft(app, writerId, draft, written.post);
      return reply.redirect(pathOfPost(post), 303);
    } catch (error) {
      return showWriter(reply.code(422), await afterConflict(app, writerId, form, error));
    }
  });
}

/** Which draft a form is about. Undefined for a new one. */
export function draftFrom(fields: { draft: string; version: string }): DraftVersion | undefined {
  const { draft, version } = fields;
  return draft === '' ? undefined : { id: idFrom(draft), version: Number(version) };
}

interface Shown {
  readonly previewHtml?: string;
  /** The draft as it is saved. */
  readonly draft?: Draft;
}

export function showWriter(reply: FastifyReply, form: FormState, shown: Shown = {}) {
  return reply.page('drafts/write', { title: 'Write a post', form, ...shown });
}

interface DraftForm {
  readonly state: FormState;
  refuse(field: 'body', message: string): FormState;
}

/**
 * Returns the form with the reason why a draft could not be saved or published. After a conflict, the form has the newest
 * version, and sending it again replaces that one.
 *
 * @throws the error, if it is not a conflict
 */
export async function afterConflict(
  { db }: Pick<FastifyInstance, 'db'>,
  authorId: number,
  form: DraftForm,
  error: unknown,
): Promise<FormState> {
  const code = error instanceof DomainError ? error.code : undefined;
  const refused = (message: string, fields: { draft?: string; version?: string }) => {
    const { values, errors } = form.refuse('body', message);
    return { values: { ...values, ...fields }, errors };
  };
  if (error instanceof DomainError && code === 'too-many-drafts') return refused(error.message, {});
  if (code === 'not-found') return refused(DRAFT_GONE, { draft: '', version: '' });
  if (code !== 'edit-conflict') throw error;
  const { version } = await findDraft(db, authorId, idFrom(form.state.values.draft ?? ''));
  return refused(CONFLICT, { version: String(version) });
}
