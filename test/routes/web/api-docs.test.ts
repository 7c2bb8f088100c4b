import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { InjectOptions } from 'fastify';
import t from 'tap';
import { issueToken } from '../../../src/domain/api-tokens/issue.ts';
import { block } from '../../../src/domain/blocks/block.ts';
import { bookmark } from '../../../src/domain/bookmarks/bookmark.ts';
import { createDraft } from '../../../src/domain/drafts/save.ts';
import { follow } from '../../../src/domain/follows/follow.ts';
import { like } from '../../../src/domain/likes/like.ts';
import { notify } from '../../../src/domain/notifications/notify.ts';
import { publishPost } from '../../../src/domain/posts/write.ts';
import { followTag } from '../../../src/domain/tags/follow.ts';
import { EXAMPLE_KEY } from '../../../src/routes/api/resources.ts';
import { build } from '../../support/build.ts';
import { createUser, PASSWORD, signedInClient, siteSettings } from '../../support/factories.ts';
import { GIF_HEADER, storeImage } from '../../support/images.ts';
import { answerChecker } from '../../support/openapi.ts';
import { writeComments } from '../../support/writing.ts';

const app = await build(t, { RATE_LIMITS: 'off' });
const { db } = app;
const john = await createUser(app);
const susan = await createUser(app, { username: 'susan', role: 'Administrator' });
const tokens = { john: await issueToken(db, john), susan: await issueToken(db, susan) };

/** What the author of a text must leave to somebody else. */
const NOT_FOR_JOHN = ['PUT /posts/{id}/like', 'PUT /users/{id}/mute', 'PUT /users/{id}/block'];

/** Creates what the examples are about. Its ids are 1. */
async function createExamples(): Promise<void> {
  const text = await app.markdown.post('Flour, water, salt and *time*. #bread');
  const { id: postId } = await publishPost(app, john.id, { ...text, addedTags: ['flour'] });
  await writeComments(app, susan, postId);
  await db.updateTable('comments').set({ author_id: john.id }).execute();
  await createDraft(db, john.id, { title: 'On bread', body: 'Flour', tags: 'bread' });
  await storeImage(app, john.id);
  await db.updateTable('images').set({ key: EXAMPLE_KEY }).execute();
  await like(app, { userId: susan.id, postId });
  await bookmark(db, { userId: john.id, postId });
  await follow(app, john.id, susan.id);
  await follow(app, susan.id, john.id);
  await notify(app, { about: 'follow', followerId: susan.id, followedId: john.id });
  await followTag(db, john.id, 'bread');
  const david = await createUser(app, { username: 'david' });
  await block(db, { blockerId: john.id, blockedId: david.id }, 'mute');
}

interface Call {
  readonly path: string;
  readonly method: string;
  readonly needs: string;
  readonly curl: string;
  /** JSON; undefined if it answers without a body. */
  readonly example: string | undefined;
}

const CALL =
  /<section class="operation".*?<strong>(\w+)<\/strong> (\S+?)<\/code>.*?<p class="quiet">(.*?)<\/p>.*?<pre class="wrapped" data-copy>(.*?)<\/pre>\s*(?:<pre class="wrapped">(.*?)<\/pre>)?.*?<\/section>/gs;

/** Reads the calls from the page. Those that only read come first, and those that use up the examples last. */
async function readCalls(): Promise<Call[]> {
  const { body } = await app.inject('/api/v1/docs');
  const calls = [...body.matchAll(CALL)].map(
    ([, method = '', path = '', needs = '', curl = '', example]) => ({
      ...{ method, path, needs },
      curl: unescaped(curl),
      example: example && unescaped(example),
    }),
  );
  const rankOf = ({ method, path }: Call) => {
    if (method === 'DELETE') return 10 - path.split('/').length; // What belongs to a post before the post.
    return path.endsWith('/publish') ? 2.5 : ['GET', 'PUT', 'POST'].indexOf(method);
  };
  return calls.toSorted((a, b) => rankOf(a) - rankOf(b) || a.path.localeCompare(b.path));
}

function unescaped(html: string): string {
  const characters: Record<string, string> = { lt: '<', gt: '>', amp: '&', quot: '"', '#39': "'" };
  return html.replaceAll(/&(#?\w+);/g, (entity, name: string) => characters[name] ?? entity);
}

/** Lets a shell read commands. Returns the requests that curl would send. */
async function requestsOf(
  commands: readonly string[],
  env: Record<string, string>,
): Promise<InjectOptions[]> {
  const script = [`curl() { printf '%s\\0' curl "$@"; }`, ...commands].join('\n');
  const { stdout } = await promisify(execFile)('sh', ['-c', script], { env });
  const lists = stdout.split('curl\0').slice(1);
  return lists.map((list) => requestOf(list.split('\0').values()));
}

/** Reads what curl is given. */
function requestOf(words: ArrayIterator<string>): InjectOptions {
  const headers: Record<string, string> = {};
  let request: InjectOptions = { method: 'GET', headers };
  for (const word of words) {
    const value = () => words.next().value ?? '';
    if (word === '-X') request = { ...request, method: value() as 'GET' };
    else if (word === '-u') headers.authorization = `Basic ${Buffer.from(value()).toString('base64')}`;
    else if (word === '-d') request = { ...request, payload: value() };
    else if (word === '-H') {
      const [name = '', content = ''] = value().split(': ');
      headers[name.toLowerCase()] = content;
    } else if (word === '--data-binary') request = { ...request, payload: value() && GIF_HEADER };
    else if (word !== '') request = { ...request, url: new URL(word).href };
  }
  return request;
}

/** The names of all fields. Of a list, those of the first item. */
function fieldsOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(fieldsOf);
  if (typeof value !== 'object' || value === null) return '';
  return Object.fromEntries(
    Object.entries(value)
      .map(([name, field]) => [name, fieldsOf(field)] as const)
      .toSorted(([a], [b]) => a.localeCompare(b)),
  );
}

await createExamples();

const silence = (silenced_until: Date | null) => db.updateTable('users').set({ silenced_until }).execute();

t.test('on a site that everyone may read, the commands that say so need no token', async (t) => {
  const client = await signedInClient(app, susan);
  await client.post('/admin/settings', siteSettings({ api: 'everyone' }));
  const calls = await readCalls();
  const commands = calls.map(({ curl }) => curl);
  const requests = await requestsOf(commands, { TOKEN: 'none', EMAIL: john.email, PASSWORD });
  for (const [at, { method, path, needs }] of calls.entries()) {
    const isOpen = needs === 'Needs no token.';
    const { headers, ...request } = requests[at] ?? {};
    t.equal(headers?.authorization === undefined, isOpen, `${method} ${path}`);
    const { statusCode } = await app.inject(request);
    t.equal(statusCode, isOpen ? 200 : 401, `${method} ${path}`);
  }
  await client.post('/admin/settings', siteSettings({ api: 'members' }));
});

t.test(
  'each command on the API page works, needs what the page says, and gets the response it shows',
  async (t) => {
    const document = (await app.inject('/api/v1/openapi.json')).json();
    const check = answerChecker(document);
    const calls = await readCalls();
    t.equal(
      calls.length,
      Object.values(document.paths).flatMap((methods) => Object.keys(Object(methods))).length,
    );

    const nameOf = ({ path, method }: Call) => `${method} ${path.replace('/api/v1', '')}`;
    const tokenFor = (call: Call) => (NOT_FOR_JOHN.includes(nameOf(call)) ? tokens.susan : tokens.john);
    const commands = calls.map((call) => `TOKEN=${tokenFor(call)}\n${call.curl}`);
    const requests = await requestsOf(commands, { EMAIL: john.email, PASSWORD });

    for (const [at, call] of calls.entries()) {
      const { path, method, needs, example } = call;
      const name = nameOf(call);
      const request = requests[at] ?? {};
      t.equal((await app.inject({ ...request, headers: {} })).statusCode, 401, `${name} needs credentials`);

      await silence(new Date('2999-01-01'));
      const needsPermission = needs.includes('permission');
      const first = await app.inject(request);
      t.equal(first.statusCode === 403, needsPermission, `${name} ${needs}`);
      await silence(null);
      const { statusCode, body } = needsPermission || method === 'GET' ? await app.inject(request) : first;

      t.ok(statusCode < 300, `${name} answers ${statusCode}: ${body}`);
      check({ path, method: method.toLowerCase() }, { statusCode, body });
      if (example === undefined) t.equal(body, '', name);
      else {
        check({ path, method: method.toLowerCase() }, { statusCode, body: example });
        t.same(fieldsOf(JSON.parse(body)), fieldsOf(JSON.parse(example)), name);
      }
    }
  },
);
