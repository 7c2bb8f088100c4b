import t from 'tap';
import { pack, unpack } from '../../src/queue/origin.ts';

t.test('a payload and its origin are stored together, and separated again', async (t) => {
  const [payload, origin] = [{ n: 1 }, { requestId: 'r', traceparent: 't', batchId: 'b' }];
  t.strictSame(JSON.parse(JSON.stringify(pack(payload, {}))), payload);
  t.strictSame(pack(payload, origin), { ...payload, ...origin });
  t.strictSame(unpack({ ...payload, ...origin }), { payload, origin });
  const none = { requestId: undefined, traceparent: undefined, batchId: undefined };
  t.strictSame(unpack({ ...payload, requestId: 1, traceparent: null }), { payload, origin: none });
});

t.test('what is no object is a payload without an origin', async (t) => {
  for (const data of ['text', null, undefined, 1, [{ requestId: 'r' }]])
    t.strictSame(unpack(data), { payload: data, origin: {} });
});
