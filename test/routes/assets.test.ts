import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import t from 'tap';
import { build } from '../support/build.ts';

const FOLDER = join(import.meta.dirname, '..', '..', 'public');

t.test('a file’s name depends on its content, so it can be cached forever', async (t) => {
  const app = await build(t);
  const page = (await app.inject('/')).body;
  for (const name of await readdir(FOLDER)) {
    const path = app.assetPath(name);
    t.match(path, /^\/assets\/[\w-]+\.[0-9a-f]{12}\.\w+$/);
    const { statusCode, headers, rawPayload } = await app.inject(path);
    t.equal(statusCode, 200, name);
    t.same(rawPayload, await readFile(join(FOLDER, name)), name);
    t.equal(headers['cache-control'], 'public, max-age=31536000, immutable', name);
    const etag = String(headers.etag);
    t.equal((await app.inject({ url: path, headers: { 'if-none-match': etag } })).statusCode, 304, name);
  }
  t.match(page, `href="${app.assetPath('style.css')}"`);
  t.match(page, `src="${app.assetPath('app.js')}"`);
  t.throws(() => app.assetPath('nothing.css'), /no public\/nothing\.css/);
});

t.test('files are compressed if that makes them smaller', async (t) => {
  const app = await build(t);
  const get = (name: string) =>
    app.inject({ url: app.assetPath(name), headers: { 'accept-encoding': 'gzip, br' } });
  const css = await get('style.css');
  t.equal(css.headers['content-encoding'], 'gzip');
  t.equal(css.headers.vary, 'accept-encoding');
  t.same(gunzipSync(css.rawPayload), await readFile(join(FOLDER, 'style.css')));
  t.equal((await get('icon-512.png')).headers['content-encoding'], undefined);
});

t.test('without its current hash, a file is only cached briefly', async (t) => {
  const app = await build(t);
  const { body } = await app.inject(app.assetPath('app.js'));
  const plain = await app.inject('/assets/app.js');
  t.equal(plain.headers['cache-control'], 'public, max-age=3600');
  t.equal(plain.body, body);
  const foreign = await app.inject('/assets/app.000000000000.js');
  t.equal(foreign.headers['cache-control'], 'no-cache', 'in the middle of a deployment');
  t.equal(foreign.body, body);
  for (const path of [
    '/assets/',
    '/assets/nothing.css',
    '/assets/..%2Fpackage.json',
    '/assets/constructor',
  ]) {
    t.equal((await app.inject(path)).statusCode, 404, path);
  }
});
