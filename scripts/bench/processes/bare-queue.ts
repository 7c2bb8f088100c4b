import { PgBoss } from 'pg-boss';

/** pg-boss alone, told to be fast: batches of 200, one after the other without a pause. */
const boss = new PgBoss({
  connectionString: process.env.DATABASE_URL ?? '',
  migrate: false,
  supervise: false,
});
boss.on('error', console.error);
await boss.start();
await boss.work(
  'noop',
  { batchSize: 200, burstWhenBatchFull: true, pollingIntervalSeconds: 0.5 },
  async () => {},
);
process.on('SIGTERM', async () => {
  await boss.stop();
  process.exit();
});
process.send?.('ready');
