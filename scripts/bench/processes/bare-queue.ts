import { PgBoss } from 'pg-boss';

/** pg-boss alone, in its fastest configuration: batches of 200 without a pause. */
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
