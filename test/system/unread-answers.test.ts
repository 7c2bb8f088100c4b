import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { promisify } from 'node:util';
import { sql } from 'kysely';
import t from 'tap';
import { build } from '../support/build.ts';
import { createUser } from '../support/factories.ts';
import { waitFor } from '../support/wait-for.ts';

t.test('a connection whose response is not read is closed', async (t) => {
  const app = await build(t, { POSTS_PER_PAGE: '200' }, { config: { connectionTimeoutMs: 200 } });
  const { id } = await createUser(app);
  // More than both ends of a connection buffer.
  await sql`
    insert into posts (author_id, body, body_html)
    select ${id}, 'x', repeat('x', 250000) from generate_series(1, 120)
  `.execute(app.db);
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  const countConnections = () => promisify(app.server.getConnections.bind(app.server))();

  const begun = once(app.server, 'request');
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  t.teardown(() => socket.destroy());
  socket.pause();
  socket.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n');
  const [request] = await begun;
  t.equal(await countConnections(), 1);
  await waitFor(async () => (await countConnections()) === 0, 'the server ends the connection');
  t.ok(request.socket.destroyed);
  t.ok(socket.bytesRead < 30_000_000, 'before the whole response was sent');
});
