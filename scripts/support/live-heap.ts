/** Loaded into a web or worker process by a test of its memory: answers how much of it is in use after a collection. */
process.on('message', (question) => {
  if (question !== 'live heap') return;
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  process.send?.({ liveHeap: heapUsed + external });
});
process.channel?.unref(); // It must not keep a process alive that has stopped.
