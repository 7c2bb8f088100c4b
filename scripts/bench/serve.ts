import type { FastifyInstance } from 'fastify';

/**
 * Makes an application one side of a comparison: it listens, answers the questions of `Helper.ask`, and closes when it
 * is told to.
 *
 * @param questions what can be asked beside its `url` and its `rss` in bytes
 */
export async function serve(
  app: FastifyInstance,
  questions: Readonly<Record<string, () => unknown>> = {},
): Promise<void> {
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  const answers: typeof questions = { url: () => url, rss: () => process.memoryUsage.rss(), ...questions };
  process.on('message', (question) => process.send?.(answers[String(question)]?.()));
  process.on('SIGTERM', async () => {
    await app.close();
    process.exit();
  });
  process.send?.('ready');
}
