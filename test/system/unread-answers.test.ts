import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { promisify } from 'node:util';
import { sql } from 'kysely';
import t from 'tap';
import { build } from '../support/build.ts';
import { createUser } from '../support/factories.ts';
import { waitFor } from '../support/wait-for.ts';

t.test('a connection that reads its response slowly or not at all is closed', async (t) => {
  const app = await build(t, { POSTS_PER_PAGE: '200' }, { config: { connectionTimeoutMs: 200 } });
  const { id } = await createUser(app);
  await sql`alter table posts disable trigger posts_indexed`.execute(app.db); // It would take longer than all else.
  // More than both ends of a connection buffer.
  await sql`
    insert into posts (author_id, body, body_html)
    select ${id}, 'x', repeat('x ', 125000) from generate_series(1, 120)
  `.execute(app.db);
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  const countConnections = () => promisify(app.server.getConnections.bind(app.server))();

  for (const bytes of [0, 1]) {
    const begun = once(app.server, 'request');
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.pause();
    socket.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n');
    const reading = setInterval(() => bytes > 0 && socket.read(bytes), 20);
    t.teardown(() => {
      clearInterval(reading);
      socket.destroy();
    });
    const [request] = await begun;
    t.equal(await countConnections(), 1);
    const startedAt = performance.now();
    await waitFor(async () => (await countConnections()) === 0, 'the server ends the connection');
    t.ok(request.socket.destroyed);
    t.ok(performance.now() - startedAt < 40_000, 'not only when idle connections are closed, after 72 s');
    t.ok(socket.bytesRead < 30_000_000, 'before the whole response was sent');
  }
});

t.test('connections beyond the limit are closed at once', async (t) => {
  const app = await build(t, {}, { config: { maxConnections: 2 } });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  const open = async () => {
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    t.teardown(() => socket.destroy());
    await once(socket, 'connect');
    return socket;
  };
  await open();
  const second = await open();
  await once(await open(), 'close');
  second.destroy();
  await waitFor(async () => {
    const socket = await open();
    socket.write('GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n');
    return Promise.race([once(socket, 'data').then(() => true), once(socket, 'close').then(() => false)]);
  }, 'a new one takes the place of one that has ended');
});
