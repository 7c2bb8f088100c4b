import { Session } from 'node:inspector/promises';

/**
 * Loaded into a web or worker process by a test of its memory: answers how much of it is in use after a collection. With
 * V8's `--expose-gc`, the process could not use the compiled code that others have cached.
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
process.channel?.unref(); // It must not keep a process alive that has stopped.
