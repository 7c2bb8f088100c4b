import Fastify from 'fastify';
import pg from 'pg';
import { serve } from '../serve.ts';

/** A route that only runs the given SQL and sends the rows of the last statement as JSON. */
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
app.addHook('onClose', () => pool.end());
await serve(app);
