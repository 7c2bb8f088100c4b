import type { FastifyInstance } from 'fastify';
import { receiveBounce } from '../domain/mail/bounce.ts';

/**
 * Receives mail that came back to `MAIL_RETURN_PATH` from the mail server. The key in the address is the only credential. The
 * response is always the same, to keep the mail server from retrying.
 */
export default async function bounces(app: FastifyInstance): Promise<void> {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));

  app.post<{ Params: { key: string }; Body: Buffer | undefined }>('/bounces/:key', async (request, reply) => {
    const outcome = await receiveBounce(app.db, request.params.key, request.body ?? Buffer.of());
    request.log.info({ outcome }, 'a mail came back');
    return reply.code(204).send();
  });
}
