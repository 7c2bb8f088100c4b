import Fastify from 'fastify';

/** A route that sends a page from memory; nothing else. */
const page = Buffer.from(process.env.PAGE ?? '');
const app = Fastify();
app.get('/', (_request, reply) => reply.type('text/html; charset=utf-8').send(page));
const url = await app.listen({ host: '127.0.0.1', port: 0 });
process.on('message', () => process.send?.(url));
process.on('SIGTERM', async () => {
  await app.close();
  process.exit();
});
process.send?.('ready');
