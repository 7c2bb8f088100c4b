import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import t, { type Test } from 'tap';
import { findFreePort } from '../../scripts/support/postgres-cluster.ts';
import { createDatabase } from '../support/database.ts';
import { temporaryFolder } from '../support/folder.ts';
import { type RunningProcess, start } from '../support/processes.ts';
import { linkIn } from '../support/smtp.ts';
import { submit } from '../support/submit.ts';
import { waitFor } from '../support/wait-for.ts';

// Mostly waits for processes.
t.jobs = 3;
/** Starts the whole system in a folder and waits until it, its server and its worker report that they are ready. */
async function startSystem(t: Test, env: Record<string, string>): Promise<RunningProcess> {
  const system = start(t, ['scripts/start.ts'], env);
  await system.prints(/Pennypost is ready: .*\nEmail: .*\n/);
  for (const message of ['Server listening', '"msg":"working"']) await system.prints(message);
  return system;
}

/** The pids of the web and worker processes, from their logs. */
function pidOf(system: RunningProcess, message: string): number {
  const line = system.output.split('\n').findLast((candidate) => candidate.includes(message)) ?? '{}';
  return JSON.parse(line).pid;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

const REGISTRATION = {
  email: 'john@example.com',
  username: 'john',
  password: 'correct horse',
  password2: 'correct horse',
};

/** The newest mail's link, from the mailbox page. */
async function newestLink(site: string): Promise<string> {
  const url = await waitFor(async () => {
    const list = await (await fetch(`${site}/dev/mailbox`)).text();
    return /\/dev\/mailbox\/[^"]+/.exec(list)?.[0] ?? false;
  }, 'a mail is in the mailbox');
  return linkIn({
    text:
      /<pre class="mail">([\s\S]*?)<\/pre>/
        .exec(await (await fetch(site + url)).text())?.[1]
        ?.replaceAll(/<[^>]+>/g, '') ?? '',
  });
}

/** A site in a new folder. The systems started for it end with the test. */
class Site {
  readonly #t: Test;
  readonly env: { DATA_DIR: string; PORT: string };
  readonly url: string;
  system: RunningProcess;

  private constructor(t: Test, env: Site['env'], system: RunningProcess) {
    this.#t = t;
    this.env = env;
    this.url = `http://127.0.0.1:${env.PORT}`;
    this.system = system;
  }

  static async create(t: Test): Promise<Site> {
    const env = { DATA_DIR: await temporaryFolder(t), PORT: String(await findFreePort()) };
    return new Site(t, env, await startSystem(t, env));
  }

  async startAgain(): Promise<void> {
    this.system = await startSystem(this.#t, this.env);
  }

  get pids(): number[] {
    return [pidOf(this.system, 'Server listening'), pidOf(this.system, '"msg":"working"')];
  }

  async isReady(): Promise<boolean> {
    return (await fetch(`${this.url}/health/ready`)).ok;
  }

  async letsJohnIn(): Promise<boolean> {
    const { email, password } = REGISTRATION;
    const response = await submit(`${this.url}/auth/login`, { email, password });
    return response.headers.get('location') === '/';
  }
}

t.test('npm start runs a whole site', async (t) => {
  const site = await Site.create(t);

  await t.test('a visitor can sign up, get the mail and confirm', async (t) => {
    const address = `http://localhost:${site.env.PORT}`;
    t.match(site.system.output, `Pennypost is ready: ${address}\nEmail: ${address}/dev/mailbox`);
    t.equal((await submit(`${site.url}/auth/register`, REGISTRATION)).status, 303);
    const link = await newestLink(site.url);
    t.equal((await submit(site.url + link, {})).status, 303);
  });

  await t.test('a second start in the same folder is refused and does no harm', async (t) => {
    const second = start(t, ['scripts/start.ts'], { ...site.env, PORT: String(await findFreePort()) });
    t.equal(await second.exited(), 1);
    const { pid } = site.system.child;
    t.match(second.output, new RegExp(`^Pennypost is already running on .* \\(process ${pid}\\)`));
    t.ok(await site.isReady());
  });

  await t.test('a killed web or worker process is restarted', async (t) => {
    const { system, pids } = site;
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    await waitFor(() => site.pids.every((pid) => !pids.includes(pid)), 'both run again');
    for (const name of ['web', 'worker'])
      t.match(system.output, `The ${name} process ended (SIGKILL). It restarts in 0.5 s.`);
    await waitFor(() => site.isReady(), 'the site answers');
  });

  await t.test(
    'if only the starting process is killed, the others stop, and another start takes over',
    async () => {
      const { system, pids } = site;
      await system.end('SIGKILL');
      await waitFor(() => !pids.some(isAlive), 'web and worker have stopped');
      await site.startAgain();
    },
  );

  await t.test('after a power cut, with everything killed at once, a start recovers all data', async (t) => {
    const pids = [...site.pids, await postmasterPid(site.env.DATA_DIR)];
    site.system.child.kill('SIGKILL');
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    await waitFor(() => !pids.some(isAlive), 'all are dead');
    await site.startAgain();
    t.ok(await site.letsJohnIn());
  });

  await t.test('Ctrl-C stops it cleanly', async (t) => {
    const { system, pids } = site;
    t.equal(await system.end('SIGINT'), 0);
    t.same(pids.map(isAlive), [false, false]);
  });
});

t.test('a port in use stops everything at once, without restarts', async (t) => {
  const blocker = createServer().listen(0, '127.0.0.1');
  t.teardown(() => blocker.close());
  await new Promise((resolve) => blocker.once('listening', resolve));
  const { port } = blocker.address() as { port: number };
  const system = start(t, ['scripts/start.ts'], {
    DATABASE_URL: await createDatabase(t), // The embedded one has nothing to do with it.
    DATA_DIR: await temporaryFolder(t),
    PORT: String(port),
    LOG_LEVEL: 'silent',
  });
  t.equal(await system.exited(), 2);
  t.match(system.output, /^Cannot listen on 127\.0\.0\.1:\d+: .*EADDRINUSE/);
  t.match(system.output, /The web process cannot start with this configuration\.\n$/);
});

t.test('an invalid variable ends it before anything is started', async (t) => {
  const system = start(t, ['scripts/start.ts'], { DATA_DIR: await temporaryFolder(t), PORT: 'abc' });
  t.equal(await system.exited(), 2);
  t.match(system.output, /^PORT: "abc" is not accepted; .*\n$/);
});

async function postmasterPid(dataDir: string): Promise<number> {
  return Number((await readFile(`${dataDir}/postgres/postmaster.pid`, 'utf8')).split('\n')[0]);
}
