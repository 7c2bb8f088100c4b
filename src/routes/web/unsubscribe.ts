import type { FastifyInstance } from 'fastify';
import {
  findUnsubscribeLink,
  LIST_NAMES,
  type MailingList,
  unsubscribe,
} from '../../domain/people/mail-choices.ts';
import { DomainError } from '../../errors.ts';
import type { WithToken } from './params.ts';

/**
 * The unsubscribe link in mails. Opening it asks for confirmation; a POST unsubscribes, either from the page's button or
 * from the mail program itself (RFC 8058), which has no session.
 */
export default async function unsubscribeRoutes(app: FastifyInstance): Promise<void> {
  const { db } = app;
  // The token is in the URL, so the body that RFC 8058 makes mail programs send is ignored.
  app.addContentTypeParser(
    'multipart/form-data',
    { parseAs: 'buffer', bodyLimit: 16 * 1024 },
    (_request, _body, done) => done(null),
  );

  app.get<WithToken>('/:token', async (request, reply) => {
    const { token } = request.params;
    const list = await findUnsubscribeLink(db, token);
    if (list === undefined) throw noSuchLink();
    return reply.page('people/unsubscribe', {
      title: 'Unsubscribe',
      token,
      ...named(list),
      isDone: false,
    });
  });

  app.post<WithToken>('/:token', async (request, reply) => {
    const list = await unsubscribe(db, request.params.token);
    if (list === undefined) throw noSuchLink();
    return reply.page('people/unsubscribe', { title: 'Unsubscribed', ...named(list), isDone: true });
  });
}

/** The name of a list, and whether its subscribers have an account in which they can change their choice. */
function named(list: MailingList) {
  return { from: LIST_NAMES[list], hasAccount: list !== 'posts' };
}

function noSuchLink(): DomainError {
  return new DomainError(
    'not-found',
    'That link is invalid. You can change your email notifications in your settings.',
  );
}
