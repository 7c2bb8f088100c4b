import fp from 'fastify-plugin';
import { runWithOrigin } from '../domain/security-events/origin.ts';
import { recordFailedLogIn } from '../domain/security-events/record.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** Records a failed log-in beside the request, which must not take longer for an address that has an account. */
    recordFailedLogIn(email: string): void;
  }
}

/** Lets what is recorded for a request know who makes it, and from where. */
export default fp(
  async (app) => {
    const underWay = new Set<Promise<void>>();
    app.decorate('recordFailedLogIn', (email) => {
      const recording = recordFailedLogIn(app.db, email)
        .catch((error: unknown) => app.log.error({ err: error }, 'a failed log-in could not be recorded'))
        .finally(() => underWay.delete(recording));
      underWay.add(recording);
    });
    app.addHook('onClose', async () => {
      await Promise.all(underWay);
    });

    app.addHook('onRequest', (request, _reply, done) => {
      runWithOrigin(
        () => ({ userId: (request.session?.user ?? request.caller)?.id ?? null, address: request.ip }),
        done,
      );
    });
  },
  { name: 'security-events', dependencies: ['db', 'client-address'] },
);
