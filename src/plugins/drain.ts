import fp from 'fastify-plugin';

/** While the app closes, responses end their connections. Node only ends those that were idle when it began. */
export default fp(
  async (app) => {
    let isClosing = false;
    app.addHook('preClose', (done) => {
      isClosing = true;
      done();
    });
    app.addHook('onSend', (_request, reply, payload, done) => {
      if (isClosing) reply.header('connection', 'close');
      done(null, payload);
    });
  },
  { name: 'drain' },
);
