import pg from 'pg';

/** Writes the same rows as the application with node-postgres alone, and with as many connections. */
interface Task {
  readonly table: 'posts' | 'comments';
  readonly working: readonly Writer[];
  readonly seconds: number;
}

interface Writer {
  readonly id: number;
  readonly postId: number;
}

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 });
const BODY = 'Written by hand, *as fast as it goes*.';
const HTML = '<p>Written by hand, <em>as fast as it goes</em>.</p>';

async function insert({ table, working, seconds }: Task): Promise<number> {
  const endsAt = performance.now() + seconds * 1000;
  let count = 0;
  const write = table === 'posts' ? insertPost : insertComment;
  const work = async (writer: Writer) => {
    for (; performance.now() < endsAt; count += 1) await write(writer);
  };
  await Promise.all(working.map(work));
  return count;
}

async function insertPost({ id }: Writer): Promise<void> {
  const text = 'insert into posts (author_id, body, body_html) values ($1, $2, $3) returning id';
  await pool.query({ name: 'post', text, values: [id, BODY, HTML] });
}

/** A comment, and the job that it causes, in one transaction. */
async function insertComment({ id, postId }: Writer): Promise<void> {
  const client = await pool.connect();
  await client.query('begin');
  const { rows } = await client.query<{ id: number }>({
    name: 'comment',
    text: 'insert into comments (post_id, author_id, body, body_html) values ($1, $2, $3, $4) returning id',
    values: [postId, id, BODY, HTML],
  });
  await client.query({
    name: 'job',
    text: "insert into pgboss.job (name, data, retry_limit) values ('notify', $1, 10)",
    values: [{ about: 'comment', commentId: rows[0]?.id }],
  });
  await client.query('commit');
  client.release();
}

process.on('message', async (task) => process.send?.(await insert(JSON.parse(String(task)))));
process.on('SIGTERM', () => process.exit());
process.send?.('ready');
