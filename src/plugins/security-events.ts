import fp from 'fastify-plugin';
import { runWithOrigin } from '../domain/security-events/origin.ts';
import { recordWrongPassword } from '../domain/security-events/record.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** Records a failed log-in in the background, so that the response time does not reveal whether the address has an account. */
    recordFailedLogIn(email: string): void;
  }
}

/** Sets the origin of recorded events and sessions for each request. */
export default fp(
  async (app) => {
    const pending = new Set<Promise<void>>();
    app.decorate('recordFailedLogIn', (email) => {
      const recording = recordWrongPassword(app.db, email)
        .catch((error: unknown) => app.log.error({ err: error }, 'could not record a failed log-in'))
        .finally(() => pending.delete(recording));
      pending.add(recording);
    });
    app.addHook('onClose', async () => {
      await Promise.all(pending);
    });

    app.addHook('onRequest', (request, _reply, done) => {
      runWithOrigin(
        () => ({
          userId: (request.session?.user ?? request.caller)?.id ?? null,
          // PostgreSQL does not accept the interface of an address such as `fe80::1%eth0`.
          address: request.ip.split('%', 1)[0] ?? null,
          userAgent: request.headers['user-agent'] ?? '',
        }),
        done,
      );
    });
  },
  { name: 'security-events', dependencies: ['db', 'client-address'] },
);
