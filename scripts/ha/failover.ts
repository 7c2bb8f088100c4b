import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import { simpleParser } from 'mailparser';
import pg from 'pg';
import { buildApp } from '../../src/app.ts';
import { loadConfig } from '../../src/config.ts';
import { isTokenValid } from '../../src/domain/accounts/mailed-token.ts';
import { issueToken } from '../../src/domain/api-tokens/issue.ts';
import { startSession } from '../../src/domain/sessions/start.ts';
import { createUser } from '../../test/support/factories.ts';
import { FaultyMailServer } from '../../test/support/mail-server.ts';
import type { Scope } from '../../test/support/scope.ts';
import { linkIn } from '../../test/support/smtp.ts';
import { waitFor } from '../../test/support/wait-for.ts';
import { writePosts } from '../../test/support/writing.ts';
import { AppProcess } from '../support/app-process.ts';
import { migrateToLatest } from '../support/migrate.ts';
import { killNode, type Node, PASSWORD, primaryOf, startCluster } from './cluster.ts';
import { temporaryFolder } from './folder.ts';
import { balancePostgres, balanceWeb } from './haproxy.ts';
import { type Answer, type Kind, Load } from './load.ts';
import { startPgBouncer } from './pgbouncer.ts';

/** How the processes find the primary: among several hosts, or behind PgBouncer and HAProxy. */
export type Route = 'hosts' | 'proxies';

const DATABASE = 'pennypost';
const CALM_MS = 5_000;
/** How long nothing may have failed before the site counts as recovered. */
const WELL_MS = 8_000;

/** What happened to a site whose primary was killed. Durations are in milliseconds since then. */
export interface Outcome {
  readonly promotedMs: number;
  /** When the last request failed, of each kind. 0 if none did. */
  readonly backMs: Record<Kind, number>;
  readonly failed: Record<Kind, number>;
  /** Requests that failed with anything but a 503 and `Retry-After`. */
  readonly cutOff: number;
  readonly perSecond: number;
  readonly acknowledged: number;
  readonly lost: number;
  readonly mails: number;
  readonly jobsLost: number;
  readonly twice: number;
  readonly deadLinks: number;
  readonly restarted: number;
  readonly complaints: readonly string[];
}

/** Starts three nodes and a site of two web and two worker processes, and kills the primary while people read and write. */
export async function failover(scope: Scope, route: Route, report: (line: string) => void): Promise<Outcome> {
  const folder = await temporaryFolder(scope);
  report('starting etcd and three nodes with Patroni …');
  const nodes = await startCluster(scope, folder);
  const urls = await createDatabase(nodes);
  const env = route === 'hosts' ? urls : await throughProxies(scope, nodes, folder);
  await migrateToLatest(urls.DATABASE_URL, () => {});

  const { server: mail, mails } = await catchMails(scope);
  const settings = { ...env, SMTP_URL: mail.url, RATE_LIMITS: 'off', LOG_LEVEL: 'warn', TRUST_PROXY: '1' };
  const processes = await Promise.all(
    (['server', 'server', 'worker', 'worker'] as const).map((role) => startProcess(scope, role, settings)),
  );
  const webs = processes.filter(({ name }) => name === 'web').map(({ port }) => port);
  const site = `http://127.0.0.1:${await balanceWeb(scope, webs, folder)}`;
  const app = await openApp(scope, urls.DATABASE_URL);
  const load = await startLoad(scope, app, site);
  report('a hundred requests a second …');
  await sleep(CALM_MS);

  const primary = await waitFor(() => primaryOf(nodes), 'there is a primary');
  const killedAt = performance.now();
  await killNode(primary);
  report(`${primary.name} was killed`);
  const promoted = await waitFor(() => primaryOf(nodes), 'another node is the primary');
  const promotedMs = performance.now() - killedAt;
  report(`${promoted.name} is the primary after ${(promotedMs / 1000).toFixed(1)} s`);
  await waitFor(() => isWell(load), 'everything is well again');
  await load.stop();
  const seconds = (performance.now() - killedAt + CALM_MS) / 1000;
  const jobsLost = await countLostJobs(app, load.addresses, mail);
  const { answers } = load;
  const after = answers.filter(({ endedAt }) => endedAt > killedAt);
  const of = (pick: (answers: readonly Answer[]) => number) =>
    Object.fromEntries(
      (['visitor', 'signed in', 'post', 'sign-up'] as const).map((kind) => [
        kind,
        pick(after.filter((answer) => answer.kind === kind && !answer.isGood)),
      ]),
    ) as Record<Kind, number>;
  return {
    promotedMs,
    backMs: of((failed) => Math.max(0, ...failed.map(({ endedAt }) => endedAt - killedAt))),
    failed: of((failed) => failed.length),
    cutOff: after.filter(({ isGood, isRefusal }) => !isGood && !isRefusal).length,
    perSecond: answers.length / seconds,
    acknowledged: load.posts.length + load.addresses.length,
    lost: await countLost(app, load),
    mails: mail.accepted.length,
    jobsLost,
    twice: mail.accepted.length - mail.distinct,
    deadLinks: await countDeadLinks(app, mails),
    restarted: processes.filter(({ hasExited }) => hasExited).length,
    complaints: processes.flatMap(({ complaints }) => complaints),
  };
}

/** Creates the site's role and database. Returns URLs with all nodes. */
async function createDatabase(nodes: readonly Node[]) {
  const hosts = nodes.map(({ postgres }) => `127.0.0.1:${postgres}`);
  const client = new pg.Client({ connectionString: `postgres://postgres:${PASSWORD}@${hosts[0]}/postgres` });
  await client.connect();
  await client.query(`create role ${DATABASE} login password '${PASSWORD}'`);
  await client.query(`create database ${DATABASE} owner ${DATABASE}`);
  await client.end();
  const url = `postgres://${DATABASE}:${PASSWORD}@${hosts.join()}/${DATABASE}?target_session_attrs=`;
  return { DATABASE_URL: `${url}read-write`, DATABASE_REPLICA_URL: `${url}standby` };
}

async function throughProxies(scope: Scope, nodes: readonly Node[], folder: string) {
  const { primary, replicas } = await balancePostgres(scope, nodes, folder);
  const urlAt = (port: number) => `postgres://${DATABASE}:${PASSWORD}@127.0.0.1:${port}/${DATABASE}`;
  return {
    DATABASE_URL: urlAt(await startPgBouncer(scope, urlAt(primary), folder)),
    DATABASE_DIRECT_URL: urlAt(primary),
    DATABASE_REPLICA_URL: urlAt(await startPgBouncer(scope, urlAt(replicas), folder)),
  };
}

async function catchMails(scope: Scope) {
  const server = await FaultyMailServer.start(scope);
  const mails: string[] = [];
  server.onMail = (mail) => mails.push(mail);
  return { server, mails };
}

async function startProcess(
  scope: Scope,
  role: 'server' | 'worker',
  env: Readonly<Record<string, string>>,
): Promise<AppProcess> {
  const started = await AppProcess.start(role, env);
  scope.teardown(() => started.stop());
  return started;
}

async function openApp(scope: Scope, url: string): Promise<FastifyInstance> {
  const env = { DATABASE_URL: url, SMTP_URL: 'smtp://127.0.0.1:1', LOG_LEVEL: 'silent' };
  const app = buildApp(loadConfig(env), { role: 'command' });
  await app.ready();
  scope.teardown(() => app.close());
  return app;
}

async function startLoad(scope: Scope, app: FastifyInstance, site: string): Promise<Load> {
  const author = await createUser(app, { username: 'author' });
  await writePosts(app, author, 30);
  const cookie = `session=${await startSession(app.db, { userId: author.id, isRemembered: true })}`;
  const load = new Load(site, { cookie, authorization: `Bearer ${await issueToken(app.db, author)}` });
  load.start();
  scope.teardown(() => load.stop());
  return load;
}

/** Whether nothing has failed for a while. */
function isWell({ answers }: Load): boolean {
  const since = performance.now() - WELL_MS;
  const lately = answers.filter(({ endedAt }) => endedAt > since);
  return (
    lately.length > 0 && lately.every(({ isGood }) => isGood) && (answers[0]?.startedAt ?? since) < since
  );
}

/** Waits until the queue is empty, and counts the mails that have not arrived. */
async function countLostJobs(
  app: FastifyInstance,
  addresses: readonly string[],
  mail: FaultyMailServer,
): Promise<number> {
  const unfinished = async () => {
    const { rows } = await sql<{ count: number }>`
      select count(*)::int as count from pgboss.job
      where name = 'mail' and state in ('created', 'retry', 'active')
    `.execute(app.db);
    return rows[0]?.count ?? 0;
  };
  await waitFor(async () => (await unfinished()) === 0, 'the queue is empty');
  const arrived = new Set(mail.accepted.map(({ to }) => to));
  return addresses.filter((address) => !arrived.has(address)).length;
}

async function countLost({ db }: FastifyInstance, { posts, addresses }: Load): Promise<number> {
  const { rows } = await sql<{ kept: number }>`
    select (select count(*) from posts where body = any(${posts}))::int
      + (select count(*) from users where email = any(${addresses}))::int as kept
  `.execute(db);
  return posts.length + addresses.length - (rows[0]?.kept ?? 0);
}

/** Every link in every mail must work, also in those that arrived twice. */
async function countDeadLinks({ db }: FastifyInstance, mails: readonly string[]): Promise<number> {
  let dead = 0;
  for (const mail of mails) {
    const token =
      linkIn(await simpleParser(mail))
        .split('/')
        .at(-1) ?? '';
    if (!(await isTokenValid(db, 'confirm-account', token))) dead += 1;
  }
  return dead;
}
