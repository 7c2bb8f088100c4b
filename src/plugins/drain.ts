import { setTimeout as sleep } from 'node:timers/promises';
import fp from 'fastify-plugin';

declare module 'fastify' {
  interface FastifyInstance {
    drain: {
      /** Whether the process is about to stop and should get no new connections, although it still serves them. */
      readonly hasBegun: boolean;
      /** Whether the app is closing. It still waits for requests whose clients are connected. */
      readonly isClosing: boolean;
      /** Informs load balancers through the health checks, and gives them `config.shutdownDrainSeconds` to notice. */
      begin(): Promise<void>;
    };
  }
}

/**
 * Provides `app.drain`, the phase between the signal to stop and closing. While the app closes, responses close their connections,
 * because Node only closes those that were idle at the beginning.
 */
export default fp(
  async (app) => {
    const drain = {
      hasBegun: false,
      isClosing: false,
      async begin() {
        drain.hasBegun = true;
        app.queue.stopWorking().catch(() => {}); // onClose waits for it too, and reports errors.
        if (app.server.listening) await sleep(app.config.shutdownDrainSeconds * 1000);
      },
    };
    app.decorate('drain', drain);
    app.addHook('preClose', (done) => {
      drain.isClosing = true;
      done();
    });
    app.addHook('onSend', (_request, reply, payload, done) => {
      if (drain.isClosing) reply.header('connection', 'close');
      done(null, payload);
    });
  },
  { name: 'drain', dependencies: ['queue'] },
);
