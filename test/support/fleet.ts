import type { FastifyInstance } from 'fastify';
import type { Test } from 'tap';
import { balanceWeb } from '../../scripts/ha/haproxy.ts';
import { AppProcess } from '../../scripts/support/app-process.ts';
import { temporaryFolder } from './folder.ts';

/**
 * Serves an app's database by two web processes behind HAProxy, and works its queues by two workers, all of them through
 * PgBouncer. For `npm run ha -- tests`. Returns the site's address.
 *
 * @param options.worksQueues whether the test is the worker itself
 */
export async function startFleet(
  t: Test,
  { config }: FastifyInstance,
  { worksQueues = false } = {},
): Promise<string> {
  const env = {
    DATABASE_URL: config.databaseUrl ?? '',
    DATABASE_DIRECT_URL: config.databaseDirectUrl ?? '',
    ...(config.smtpUrl !== undefined && { SMTP_URL: config.smtpUrl }),
    DATA_DIR: config.dataDir,
    POSTS_PER_PAGE: String(config.postsPerPage),
    COMMENTS_PER_PAGE: String(config.commentsPerPage),
    RATE_LIMITS: config.rateLimitsEnabled ? 'on' : 'off',
    TRUST_PROXY: '1',
    LOG_LEVEL: 'warn',
    SHUTDOWN_GRACE_SECONDS: '1',
  };
  const roles = ['server', 'server', ...(worksQueues ? [] : ['worker', 'worker'])] as ('server' | 'worker')[];
  const processes = await Promise.all(roles.map((role) => AppProcess.start(role, env)));
  t.teardown(() => Promise.all(processes.map((process) => process.stop())));
  const webs = processes.filter(({ name }) => name === 'web').map(({ port }) => port);
  return `http://127.0.0.1:${await balanceWeb(t, webs, await temporaryFolder(t))}`;
}
