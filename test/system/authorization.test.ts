import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify';
import { sql } from 'kysely';
import t from 'tap';
import { watchRoutes } from '../../scripts/reference/routes.ts';
import { buildApp } from '../../src/app.ts';
import { basic, issueTestToken } from '../support/api.ts';
import { testConfig } from '../support/build.ts';
import { createDatabase } from '../support/database.ts';
import { createUser, PASSWORD, type TestUser } from '../support/factories.ts';
import { takeTwoFactor } from '../support/two-factor.ts';
import { createBystander } from './authorization/bystander.ts';
import { MATRIX, PEOPLE, type Person, type Row, STAFF, STAFF_MATRIX } from './authorization/matrix.ts';
import { REQUESTS, requestTo } from './authorization/requests.ts';
import { issueUnnamedToken, type Situation, sessionCookie } from './authorization/things.ts';

/** A person's credentials. The API's log-in needs the password. */
type Credentials = 'session' | 'token' | 'reading token' | 'password';

interface Asker {
  readonly person: Person;
  readonly credentials: Credentials;
}

const LIMITED_OTHERWISE = new Set([
  // They count attempts themselves, because they first have to find out whose.
  ...['POST /auth/register/:invitation'],
  ...['POST /auth/register', 'POST /auth/login', 'POST /auth/unconfirmed', 'POST /auth/confirm'],
  ...['POST /auth/reset', 'POST /auth/change-email', 'POST /auth/change-password', 'POST /auth/verify'],
  ...['POST /auth/login/code', 'POST /auth/two-factor/on', 'POST /auth/two-factor/off'],
  'POST /auth/two-factor/recovery-codes',
  ...['POST /auth/login/passkey/options', 'POST /auth/login/passkey', 'POST /auth/login/code/passkey'],
  // They use up a link, or delete what was limited when it was made.
  ...['POST /auth/confirm/:token', 'POST /auth/reset/:token', 'POST /auth/change-email/:token'],
  ...['POST /auth/undo-email-change/:token', 'POST /auth/undo-deletion/:token', 'POST /bounces/:key'],
  ...['POST /subscribe/:token', 'POST /user/:username/subscribe'],
  ...['POST /unsubscribe/:token', 'POST /auth/logout', 'GET /notifications/:id'],
  ...['POST /drafts/:id/delete', 'POST /drafts/:id/unschedule'],
  ...['DELETE /api/v1/drafts/:id', 'DELETE /api/v1/drafts/:id/schedule'],
  ...['POST /history/:id/:version/delete', 'DELETE /api/v1/posts/:id/versions/:number'],
  ...['POST /post/:id/delete', 'POST /comment/:id/delete', 'DELETE /api/v1/posts/:id'],
  'DELETE /api/v1/images/:key',
  ...['DELETE /api/v1/comments/:id', 'POST /api-tokens/:id/revoke', 'POST /api-tokens/revoke-unnamed'],
  // They are for moderators and Administrators.
  ...['POST /moderate/enable/:id', 'POST /moderate/disable/:id', 'POST /admin/jobs/do'],
  ...['POST /admin/jobs/limits', 'POST /admin/jobs/limits/remove', 'POST /admin/jobs/limits/try'],
  ...['POST /admin/settings', 'POST /admin/settings/:page', 'POST /admin/invitations'],
  ...['POST /admin/invitations/:id/revoke', 'POST /moderate/applications/:id/approve'],
  ...['POST /moderate/applications/:id/decline'],
  ...['POST /moderate/enable/post/:id', 'POST /moderate/disable/post/:id', 'POST /moderate/people/:id'],
  ...[
    'POST /admin/activity/:id/undo',
    'POST /moderate/people/:id/lift',
    'POST /moderate/people/:id/hide-texts',
  ],
  'POST /moderate/people/:id/remove-picture',
  ...['POST /moderate/people/:id/show-texts', 'POST /moderate/reports/post/:id/close'],
  ...['POST /moderate/reports/comment/:id/close', 'POST /moderate/reports/person/:id/close'],
  ...['POST /admin/people/:id', 'POST /admin/people/:id/delete'],
]);

/** Columns that change with every visit. */
const FLEETING = '{last_seen_at,address,last_used_at,flash,expires_at}';

/** Before the name of a table of which a bystander's row has changed. */
const BYSTANDERS = 'bystander’s ';

const isBystanders = (table: string) => table.startsWith(BYSTANDERS);

/** Credentials by person and kind, until a request may change something. */
const kept = new Map<string, Record<string, string>>();

const routes = new Set<string>();
const limited = new Set<string>();
const app: FastifyInstance = buildApp(
  testConfig({
    DATABASE_URL: await createDatabase(t),
    DATA_DIR: t.testdir(),
    SMTP_URL: undefined,
    RATE_LIMITS: 'off',
    SECURITY_CONTACT: 'mailto:security@example.com',
  }),
);
t.teardown(() => app.close());
app.addHook('onRoute', ({ method, url, config }) => {
  for (const one of [method].flat()) {
    if (one !== 'HEAD') routes.add(`${one} ${url}`);
    if (config?.limit !== undefined) limited.add(`${one} ${url}`);
  }
});
const listRoutes = watchRoutes(app);
await app.ready();
app.unreadStreams.close(); // The responses would not end.
app.jobStreams.close();

const people = {
  unconfirmed: await createUser(app, { username: 'unconfirmed', isConfirmed: false }),
  user: await createUser(app, { username: 'user' }),
  viewer: await createUser(app, { username: 'viewer', role: 'Viewer' }),
  operator: await createUser(app, { username: 'operator', role: 'Operator' }),
  owner: await createUser(app, { username: 'owner' }),
  moderator: await createUser(app, { username: 'moderator', role: 'Moderator' }),
  administrator: await createUser(app, { username: 'administrator', role: 'Administrator' }),
};

const bystander = await createBystander(app);
await recordChanges();

t.test('the reference agrees with the matrix on who may use a route', async (t) => {
  const refused: Record<string, Partial<Row['outcomes']>> = {
    accounts: { anonymous: 'log in' },
    'confirmed accounts': { anonymous: 'log in', unconfirmed: 'confirm' },
    members: { anonymous: 'log in', unconfirmed: 'confirm' },
    clients: { anonymous: 'log in', unconfirmed: 'confirm' },
    Moderators: { anonymous: 'log in', unconfirmed: 'confirm', user: 'forbidden' },
    Administrators: {
      anonymous: 'log in',
      unconfirmed: 'confirm',
      user: 'forbidden',
      moderator: 'forbidden',
    },
  };
  for (const { method, path, audience } of listRoutes()) {
    const row = MATRIX.find(({ route }) => route === `${method} ${path}`);
    t.match(row?.outcomes, refused[audience.replace(', password', '')] ?? {}, `${method} ${path}`);
  }
});

t.test('the matrix lists every route and nothing else', async (t) => {
  const written = MATRIX.map(({ route }) => route);
  const unwritten = [...routes].filter((route) => !written.includes(route));
  // Skips the API's routes for unsupported methods and missing trailing slashes.
  for (const route of unwritten) {
    const { statusCode, headers } = await app.inject(
      await prepare(route, { person: 'administrator', credentials: 'token' }, true),
    );
    const isMissingSlash = statusCode === 308 && routes.has(`${route}/`);
    t.ok(headers.allow !== undefined || isMissingSlash, `${route} has no row and answers ${statusCode}`);
  }
  t.same(
    [...written, ...Object.keys(REQUESTS)].filter((route) => !routes.has(route)),
    [],
  );
});

t.test('every change counts towards a limit', async (t) => {
  const unlimited = MATRIX.filter(({ route, changes }) => changes !== undefined && !limited.has(route));
  t.same(
    unlimited.map(({ route }) => route).filter((route) => !LIMITED_OTHERWISE.has(route)),
    [],
  );
});

// Requests that only read share credentials, so they come before those that may end sessions and revoke tokens.
const reading = MATRIX.filter(({ changes }) => changes === undefined);
for (const row of [...reading, ...MATRIX.filter((row) => !reading.includes(row))]) {
  t.test(row.route, async (t) => {
    const isApi = isOfApi(row);
    const outcomes = await outcomesOf(
      row,
      PEOPLE.map((person) => ({ person, credentials: credentialsFor(row) })),
    );
    t.same(Object.fromEntries(PEOPLE.map((person, index) => [person, outcomes[index]])), row.outcomes);

    const [misplaced] = await outcomesOf(row, [
      { person: 'administrator', credentials: isApi ? 'session' : 'token' },
    ]);
    t.equal(misplaced, row.outcomes.anonymous, isApi ? 'a session is nobody here' : 'a token is nobody here');
    if (!isApi || row.changes === undefined) return;
    const [reading] = await outcomesOf(row, [{ person: 'administrator', credentials: 'reading token' }]);
    t.equal(reading, 'forbidden', 'a read-only token');
  });
}

t.test('Viewers read the job dashboard, and Operators act on it', async (t) => {
  t.ok(MATRIX.every(({ route }) => !route.includes('/admin/jobs') || STAFF_MATRIX[route] !== undefined));
  for (const row of MATRIX) {
    const expected = STAFF_MATRIX[row.route];
    if (expected === undefined) continue;
    const outcomes = await outcomesOf(
      row,
      STAFF.map((person) => ({ person, credentials: 'session' })),
    );
    t.same(Object.fromEntries(STAFF.map((person, index) => [person, outcomes[index]])), expected, row.route);
  }
});

function isOfApi({ route }: Row): boolean {
  return route.includes(' /api/v1/') && !route.endsWith('/docs');
}

function credentialsFor(row: Row): Credentials {
  if (row.route === 'POST /api/v1/tokens/') return 'password';
  return isOfApi(row) ? 'token' : 'session';
}

/**
 * Sends a route's request as each person and returns the outcomes in the matrix's terms. Requests that read are
 * watched for changes together; each request that may change something is watched alone.
 */
async function outcomesOf(row: Row, askers: readonly Asker[]): Promise<string[]> {
  const batches = row.changes === undefined ? [askers] : askers.map((asker) => [asker]);
  const outcomes: string[] = [];
  for (const batch of batches) {
    const requests: InjectOptions[] = [];
    for (const asker of batch) requests.push(await prepare(row.route, asker, row.changes === undefined));
    const prepared = await takeChanges();
    const responses: LightMyRequestResponse[] = [];
    for (const request of requests) responses.push(await app.inject(request));
    // The preparations may change anything but a bystander's rows.
    const changed = [...prepared.filter(isBystanders), ...(await takeChanges())];
    outcomes.push(...responses.map((response) => outcomeOf(row, response, changed)));
  }
  return outcomes;
}

function outcomeOf(row: Row, response: LightMyRequestResponse, changed: readonly string[]): string {
  const isDone = row.changes !== undefined && changed.includes(row.changes) && response.statusCode < 400;
  const word = isDone ? 'ok' : wordFor(row, response);
  const unexpected = isDone ? changed.filter(isBystanders) : changed;
  return unexpected.length === 0 ? word : `${word}, but ${unexpected} changed`;
}

function wordFor(
  { changes }: Row,
  { statusCode, headers: { location }, body }: LightMyRequestResponse,
): string {
  if (statusCode === 401 || location?.toString().startsWith('/auth/login?next=')) return 'log in';
  const isUnconfirmed = statusCode === 403 && body.includes('Unconfirmed account');
  if (location === '/auth/unconfirmed' || isUnconfirmed) return 'confirm';
  if (statusCode === 302) return 'redirect';
  if (statusCode === 403) return 'forbidden';
  if (statusCode === 404) return 'missing';
  if (changes !== undefined && statusCode < 400) return 'nothing';
  if (statusCode === 303 && location === '/') return 'home';
  return statusCode === 200 ? 'ok' : String(statusCode);
}

async function prepare(
  route: string,
  { person, credentials }: Asker,
  isReading: boolean,
): Promise<InjectOptions> {
  const [method = '', pattern = ''] = route.split(' ');
  const { about, fields, payload, contentType, query = '' } = requestTo(route);
  const actor = person === 'anonymous' ? undefined : people[person];
  const situation: Situation = { app, people, actor };
  const parameter = await about?.(situation);
  const sent = fields?.(situation);
  const isJson = pattern.startsWith('/api/');
  return {
    method: method as 'GET',
    url: (parameter === undefined ? pattern : withParameter(pattern, String(parameter))) + query,
    headers: {
      ...(actor && (await headersFor(actor, credentials, isReading))),
      ...(sent && { 'content-type': isJson ? 'application/json' : 'application/x-www-form-urlencoded' }),
      ...(contentType && { 'content-type': contentType }),
    },
    ...(payload && { payload }),
    ...(sent && { payload: isJson ? JSON.stringify(sent) : new URLSearchParams(sent).toString() }),
  };
}

/** Replaces all from the first parameter of a pattern to its last. */
function withParameter(pattern: string, parameter: string): string {
  return pattern.replace(/:\w+(\([^)]*\))?(\/.*:\w+(\([^)]*\))?)?/, parameter);
}

async function headersFor(
  user: TestUser,
  credentials: Credentials,
  isReading: boolean,
): Promise<Record<string, string>> {
  if (!isReading) kept.clear();
  const name = `${user.username} ${credentials}`;
  const headers = kept.get(name) ?? (await makeHeaders(user, credentials));
  if (isReading) kept.set(name, headers);
  return headers;
}

async function makeHeaders(user: TestUser, credentials: Credentials): Promise<Record<string, string>> {
  switch (credentials) {
    case 'session':
      return { cookie: await sessionCookie(app, user) };
    case 'token':
      return { authorization: `Bearer ${await issueUnnamedToken(app, user)}` };
    case 'reading token': {
      const token = await issueTestToken(app, user, { name: 'Reader', scope: 'read' });
      return { authorization: `Bearer ${token}` };
    }
    case 'password':
      await takeTwoFactor(app, user);
      return { authorization: basic(user.email, PASSWORD) };
  }
}

/** Records which tables change from now on. A trigger costs far less than comparing whole tables. */
async function recordChanges(): Promise<void> {
  const { rows } = await sql<{ tablename: string; owners: string[] }>`
    select tablename, array(
      select attname::text from pg_constraint join pg_attribute on attrelid = conrelid and attnum = any(conkey)
      where confrelid = 'users'::regclass and conrelid = tablename::regclass
    ) || case tablename when 'users' then '{id}'::text[] else '{}' end as owners
    from pg_tables where schemaname = 'public' and tablename not like 'kysely%'
  `.execute(app.db);
  await sql`create schema test`.execute(app.db);
  await sql`create table test.changes (tablename text)`.execute(app.db);
  await sql`
    create function test.record_change() returns trigger language plpgsql as ${sql.lit(`
    declare changed jsonb = coalesce(to_jsonb(old), to_jsonb(new));
    begin
      if to_jsonb(old) - '${FLEETING}'::text[] is distinct from to_jsonb(new) - '${FLEETING}'::text[] then
        insert into test.changes values (tg_argv[0]);
        insert into test.changes select '${BYSTANDERS}' || tg_argv[0]
        where exists (select from unnest(tg_argv[1]::text[]) as owner where changed ->> owner = '${bystander.id}');
      end if;
      return null;
    end`)}
  `.execute(app.db);
  for (const { tablename, owners } of [...rows, { tablename: 'pgboss.job', owners: [] }]) {
    await sql`
      create trigger record_change after insert or update or delete on ${sql.table(tablename)}
      for each row execute function test.record_change(${sql.lit(tablename)}, ${sql.lit(`{${owners}}`)})
    `.execute(app.db);
  }
}

/** The tables that have changed since the last call. */
async function takeChanges(): Promise<string[]> {
  const { rows } = await sql<{ tablename: string }>`
    with taken as (delete from test.changes returning tablename)
    select distinct tablename from taken order by tablename
  `.execute(app.db);
  return rows.map(({ tablename }) => tablename);
}
