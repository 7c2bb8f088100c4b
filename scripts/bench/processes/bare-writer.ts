import pg from 'pg';

/** Inserts posts or comments with node-postgres alone, with as many connections as the application. */
interface Task {
  readonly table: 'posts' | 'comments';
  readonly working: readonly { readonly id: number; readonly postId: number }[];
  readonly seconds: number;
}

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 });
const BODY = 'Written by hand, *as fast as it goes*.';
const HTML = '<p>Written by hand, <em>as fast as it goes</em>.</p>';

async function insert({ table, working, seconds }: Task): Promise<number> {
  const endsAt = performance.now() + seconds * 1000;
  let count = 0;
  const write = async ({ id, postId }: Task['working'][number]) => {
    for (; performance.now() < endsAt; count += 1) {
      if (table === 'posts') {
        const text = 'insert into posts (author_id, body, body_html) values ($1, $2, $3) returning id';
        await pool.query({ name: table, text, values: [id, BODY, HTML] });
      } else {
        const text =
          'insert into comments (post_id, author_id, body, body_html) values ($1, $2, $3, $4) returning id';
        await pool.query({ name: table, text, values: [postId, id, BODY, HTML] });
      }
    }
  };
  await Promise.all(working.map(write));
  return count;
}

process.on('message', async (task) => process.send?.(await insert(JSON.parse(String(task)))));
process.on('SIGTERM', () => process.exit());
process.send?.('ready');
