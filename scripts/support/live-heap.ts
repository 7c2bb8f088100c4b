import { Session } from 'node:inspector/promises';

/**
 * Loaded into a web or worker process by tests of its memory. Responds with the heap in use after a garbage collection. With V8's
 * `--expose-gc` instead, the process could not use the compiled code that other processes have cached.
 */
process.on('message', async (question) => {
  if (question !== 'live heap') return;
  const session = new Session();
  session.connect();
  await session.post('HeapProfiler.collectGarbage');
  session.disconnect();
  const { heapUsed, external } = process.memoryUsage();
  process.send?.({ liveHeap: heapUsed + external });
});
process.channel?.unref(); // It must not keep a stopped process alive.
