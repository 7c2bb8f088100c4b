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
  await notify(connectionString, 'second');
  t.equal(await received, 'hello');
  await second.close();
});

t.test('a listener whose connection fails at first gets messages once it succeeds', async (t) => {
  const connectionString = await createDatabase(t);
  const urls = ['postgres://nobody@127.0.0.1:1/nothing', connectionString];
  const errors: unknown[] = [];
  const channels = new Channels({
    connection: async () => ({ connectionString: urls.shift() ?? connectionString }),
    onError: (error) => errors.push(error),
  });
  const { promise: received, resolve: onMessage } = Promise.withResolvers<string>();
  const { promise: connected, resolve: onGap } = Promise.withResolvers<void>();
  const startedAt = performance.now();
  const listening = await channels.listen('later', { onMessage, onGap });
  t.match(errors, [{ code: 'ECONNREFUSED' }]);
  t.equal(errors.length, 1);
  await connected;
  t.ok(performance.now() - startedAt > 500, 'it does not try again at once');
  await notify(connectionString, 'later');
  t.equal(await received, 'hello');
  await listening.close();
});

async function notify(connectionString: string, channel: string): Promise<void> {
  const client = new pg.Client(connectionString);
  await client.connect();
  await client.query(`notify ${channel}, 'hello'`);
  await client.end();
}
