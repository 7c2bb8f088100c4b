import Fastify from 'fastify';
import pg from 'pg';

/** A route that runs given SQL and sends the rows of the last statement as JSON; nothing else. */
interface Statement {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 8 });
const statements: Statement[] = JSON.parse(process.env.STATEMENTS ?? '[]', (_key, value) =>
  value?.type === 'Buffer' ? Buffer.from(value.data) : value,
);
const app = Fastify();
app.get('/', async (_request, reply) => {
  let rows: unknown[] = [];
  for (const { sql, parameters } of statements) ({ rows } = await pool.query(sql, [...parameters]));
  return reply.type('application/json').send(JSON.stringify(rows));
});
const url = await app.listen({ host: '127.0.0.1', port: 0 });
process.on('message', () => process.send?.(url));
process.on('SIGTERM', async () => {
  await app.close();
  await pool.end();
  process.exit();
});
process.send?.('ready');
