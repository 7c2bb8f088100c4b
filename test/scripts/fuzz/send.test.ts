import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import t, { type Test } from 'tap';
import { agent, sendHttp } from '../../../scripts/fuzz/send.ts';

const NO_SECRETS = { headers: new Map(), ids: new Map([['user 1 token', '7']]), tokens: new Map() };

/** Sends a request as someone whose id is 7. */
async function send(t: Test, server: Server, path: string) {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    agent.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const request = { route: 'GET /', as: 'user 1 token', method: 'GET', path, headers: [] };
  return sendHttp({ port, deadlineMs: 60_000 }, request, NO_SECRETS);
}

/** Responds with the path. */
const echo = () => createHttpServer((request, response) => response.end(request.url));

const LARGE = `/${'a'.repeat(17_000)}`;

t.test('placeholders are filled', async (t) => {
  const answer = await send(t, echo(), '/users/{{own-id}}/timeline/');
  t.match(answer, { status: 200, isHeadTooLarge: false });
  t.equal(answer?.body.toString(), '/users/7/timeline/');
});

t.test('only a head that is too large may be refused, or the connection reset', async (t) => {
  t.match(await send(t, echo(), LARGE), { status: 431, isHeadTooLarge: true });
  t.match(await send(t, echo(), `/${'a'.repeat(16_000)}`), { status: 200, isHeadTooLarge: false });
  const reset = () => createServer((socket) => socket.once('data', () => socket.resetAndDestroy()));
  t.equal(await send(t, reset(), LARGE), undefined);
  await t.rejects(send(t, reset(), '/'), { code: 'ECONNRESET' });
});
