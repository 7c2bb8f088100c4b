import type { FastifyInstance } from 'fastify';
import { EVENT_STREAM_HEADERS } from '../../../plugins/event-streams.ts';
import { sessionOf } from '../../../plugins/web/session.ts';

/** Server-sent events without data that tell open pages of the dashboard to reload. */
export default async function live(app: FastifyInstance): Promise<void> {
  const endless = { exposeHeadRoute: false, config: { isEndless: true } };
  app.get('/events', endless, async (request, reply) => {
    const { user, hash } = sessionOf(request);
    const isKnown = user !== null && hash !== undefined;
    const stream = isKnown ? app.jobStreams.open({ userId: user.id, session: hash }) : undefined;
    if (stream === undefined) return reply.code(204).send(); // Tells browsers not to try again.
    return reply.headers(EVENT_STREAM_HEADERS).send(stream);
  });
}
