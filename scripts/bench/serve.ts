import type { FastifyInstance } from 'fastify';

/**
 * Runs one side of a comparison: listens, answers the questions of `Helper.ask`, and closes on SIGTERM.
 *
 * @param questions in addition to `url` and `rss`, in bytes
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
