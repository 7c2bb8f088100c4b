import pg from 'pg';
import t from 'tap';
import { Channels } from '../../src/queue/channels.ts';
import { createDatabase } from '../support/database.ts';

t.test('a channel that is listened to while the last one closes gets its messages', async (t) => {
  const connectionString = await createDatabase(t);
  const channels = new Channels({
    connection: async () => ({ connectionString }),
    onError: (error) => t.fail(String(error)),
  });
  const first = await channels.listen('first', { onMessage() {}, onGap() {} });
  const { promise: received, resolve } = Promise.withResolvers<string>();
  const [, second] = await Promise.all([
    first.close(),
    channels.listen('second', { onMessage: resolve, onGap() {} }),
  ]);
  const client = new pg.Client(connectionString);
  await client.connect();
  await client.query("notify second, 'hello'");
  t.equal(await received, 'hello');
  await client.end();
  await second.close();
});
