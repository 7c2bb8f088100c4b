import { readFile } from 'node:fs/promises';
import type { FastifyInstance } from 'fastify';

/**
 * Runs one side of a comparison: listens, answers the questions of `Helper.ask`, and closes on SIGTERM.
 *
 * @param questions in addition to `url`, `rss` and `pss`, in bytes, and `cpu`, in milliseconds
 */
export async function serve(
  app: FastifyInstance,
  questions: Readonly<Record<string, () => unknown>> = {},
): Promise<void> {
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  const answers: typeof questions = {
    url: () => url,
    rss: () => process.memoryUsage.rss(),
    pss: measurePss,
    cpu: measureCpu,
    ...questions,
  };
  process.on('message', async (question) => process.send?.(await answers[String(question)]?.()));
  process.on('SIGTERM', async () => {
    await app.close();
    process.exit();
  });
  process.send?.('ready');
}

/** Memory in bytes, in which the pages of Node itself count only in part, because all its processes share them. Linux only. */
async function measurePss(): Promise<number> {
  const [, kilobytes] = /^Pss:\s+(\d+)/m.exec(await readFile('/proc/self/smaps_rollup', 'utf8')) ?? [];
  return Number(kilobytes) * 1024;
}

/** CPU of all its threads so far. */
function measureCpu(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}
