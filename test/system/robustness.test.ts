import type { InjectOptions } from 'fastify';
import t from 'tap';
import { build } from '../support/build.ts';
import { Client } from '../support/client.ts';
import { createUser, signedInClient } from '../support/factories.ts';
import { writeComments, writePosts } from '../support/writing.ts';
import { MATRIX } from './authorization/matrix.ts';

/** Values for parameters in paths and queries. */
const ODD_WORDS = [
  ...['', '0', '1', '-1', '2147483648', '99999999999999999999', 'abc', 'ADMIN', '{}', 'é', '..', '<script>'],
  ...['%00', 'a%00b', '%ff', '%F0%9F%98%80', '%2e%2e%2f', '%0d%0aX: y', "'; drop table users; --"],
  ...['a'.repeat(150), 'a'.repeat(300)],
];

/** Queries with a value that a visitor can change, instead of `X`. Parameters of paths are known from the routes. */
const QUERIES = [
  ...['/?page=X', '/?before=X', '/?after=X', '/?X=1&X=2', '/user/admin?page=X', '/moderate?page=X'],
  ...['/search?q=X&type=X&page=X', '/search?q=from:X+tag:X+before:X', '/people/complete?q=X&post=X'],
  ...['/people?before=X', '/blocks?before=X', '/notifications?before=X', '/auth/login?next=X'],
  ...['/admin/people?text=X', '/admin/people?role=X', '/admin/people?state=X', '/admin/people?before=X'],
  ...['/admin/jobs/charts?range=X&queue=X', '/admin/jobs/list?queue=X', '/admin/jobs/list?state=X'],
  ...['/admin/jobs/list?text=X', '/admin/jobs/list?from=X&until=X', '/admin/jobs/list?after=X'],
  ...['/admin/jobs/ask?action=X', '/admin/jobs/ask?action=delete&queue=mail&text=X', '/admin/jobs/ask?id=X'],
  ...['/admin/jobs/ask?action=drain&worker=X', '/admin/jobs/ask?action=run-schedule&queue=digest&schedule=X'],
];

/** Paths in which `X` is only a part of what a parameter accepts, and one that no route has. */
const PATHS = ['/X', '/archive/2026/X', '/admin/jobs/job/mail/X', '/images/aaaaaaaaaaaaaaaaaaaaaa/X.webp'];

/** Pages and forms, without those that end the session or stream events forever. `npm run fuzz` looks at the API. */
const ROUTES = MATRIX.map(({ route }) => route.split(' '))
  .filter(([, path = '']) => !/^\/api\/|^\/auth\/logout$|\/events$/.test(path))
  .map(([method = '', path = '']) => ({ isForm: method === 'POST', path }));

/** Puts something in place of each parameter of a route. */
function withParameters(path: string, fill: (name: string) => string): string {
  return path.replaceAll(/:(\w+)(?:\([^/]*?\)(?=[/.]|$))?/g, (_, name: string) => fill(name));
}

/** Paths to try every odd word in, instead of each `X`. */
const pathsOf = (isForm: boolean) =>
  ROUTES.filter((route) => route.isForm === isForm).map(({ path }) => withParameters(path, () => 'X'));
const READS = [...QUERIES, ...PATHS, ...pathsOf(false)];
const WRITES = [...pathsOf(true), '/moderate/disable/1?page=X', '/unblock/X?next=X'];

/** Forms about something that exists. */
const FORMS = ROUTES.filter(({ isForm }) => isForm).map(({ path }) =>
  withParameters(path, (name) => (name === 'username' ? 'admin' : '1')),
);

const ODD_BODIES = [
  ...[
    undefined,
    '',
    '&&&==',
    'body=',
    'body=%00',
    'body=a%00',
    'body=x&body=y',
    `body=${'x'.repeat(60_000)}`,
  ],
  ...['body=%ED%A0%80', 'body=x&version=99999999999', 'body=x&version=999999999', 'body=x&version=-1'],
  ...['body=@admin&parent=1', 'body=x&parent=2147483648', 'body=x&parent=-1'],
  ...[
    'email=%00&password=%00',
    'email[]=x',
    'email=a@b.co&username=x%00&password=12345678&password2=12345678',
  ],
  ...['name=%00&location=%00&about_me=%00', `name=${'x'.repeat(70)}&location=&about_me=`],
  ...['email=a%40b.co&username=zz&role=King&name=&location=&about_me='],
  ...['password=correct+horse&code=1', `password=x&code=${'1'.repeat(64)}&secret=${'A'.repeat(32)}`],
  ...['credential=%7B%22id%22%3A1%7D&name=x', 'credential=null&name=%00'],
  ...['old_password=x&password=%00aaaaaaa&password2=%00aaaaaaa'],
];

t.test('no request causes a server error', async (t) => {
  const app = await build(t, { RATE_LIMITS: 'off', SMTP_URL: undefined, DATA_DIR: t.testdir() });
  const admin = await createUser(app, { username: 'admin', role: 'Administrator' });
  const newcomer = await createUser(app, { username: 'newcomer', isConfirmed: false });
  const [postId = 0] = await writePosts(app, admin, 2);
  await writeComments(app, admin, postId, 2);
  const visitors = {
    nobody: new Client(app),
    newcomer: await signedInClient(app, newcomer),
    admin: await signedInClient(app, admin),
  };

  for (const [name, client] of Object.entries(visitors)) {
    const faults: string[] = [];
    const send = async (method: NonNullable<InjectOptions['method']>, url: string, payload?: string) => {
      const { statusCode } = await client.get(url, {
        method,
        ...(payload !== undefined && {
          payload,
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
        }),
      });
      if (statusCode >= 500) faults.push(`${method} ${url} ${payload?.slice(0, 50)}: ${statusCode}`);
    };
    for (const [method, paths] of [
      ['GET', READS],
      ['POST', WRITES],
    ] as const)
      for (const path of paths)
        for (const word of path.includes('X') ? ODD_WORDS : [''])
          await send(method, path.replaceAll('X', word.includes('%') ? word : encodeURI(word)));
    for (const path of FORMS) for (const body of ODD_BODIES) await send('POST', path, body);
    for (const path of READS) await send('HEAD', path); // The same handler as for GET.
    for (const method of ['OPTIONS', 'PUT', 'PATCH', 'DELETE'] as const)
      for (const path of ['/', ...PATHS, ...FORMS]) await send(method, path);
    t.same(faults, [], name);
  }
});
