import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, constants, open, readFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { delimiter, join } from 'node:path';
import { StartupError } from '../../src/errors.ts';
import type { Scope } from '../../test/support/scope.ts';
import { waitFor } from '../../test/support/wait-for.ts';
import type { Identity } from '../support/postgres-binaries.ts';

/** Debian's packages, and a program of each. */
const PACKAGES = {
  pgbouncer: 'pgbouncer',
  haproxy: 'haproxy',
  patroni: 'patroni',
  'etcd-server': 'etcd',
  'postgresql-15': '/usr/lib/postgresql/15/bin/postgres',
} as const;

/** Where Debian installs programs, including root's. */
const FOLDERS = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/bin'];

/** @throws StartupError naming the packages that are missing and how to install them */
export async function requirePackages(...names: readonly (keyof typeof PACKAGES)[]): Promise<void> {
  const found = await Promise.all(names.map((name) => findProgram(PACKAGES[name])));
  const missing = names.filter((_name, index) => found[index] === undefined);
  if (missing.length === 0) return;
  const list = missing.join(' ');
  throw new StartupError(
    2,
    `Missing: ${list}. Debian 12: apt-get install --no-install-recommends ${list}${missing.includes('patroni') ? ' python3-etcd' : ''}`,
  );
}

async function findProgram(name: string): Promise<string | undefined> {
  for (const path of name.startsWith('/') ? [name] : FOLDERS.map((folder) => join(folder, name)))
    if (await isExecutable(path)) return path;
  return undefined;
}

function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

interface Program {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Where its log is written. */
  readonly folder: string;
  /** The user to run it as. */
  readonly identity?: Identity;
  readonly env?: Readonly<Record<string, string>>;
}

/** A program of the operating system, which runs until the scope ends. */
export class Service {
  readonly #child: ChildProcess;
  readonly #log: string;

  private constructor(child: ChildProcess, log: string) {
    this.#child = child;
    this.#log = log;
  }

  /** Starts a program and waits until something listens on its port. */
  static async start(
    scope: Scope,
    { name, command, args, folder, identity = {}, env = {} }: Program,
    port: number,
  ): Promise<Service> {
    const program = await findProgram(command);
    if (program === undefined) throw new StartupError(2, `There is no ${command}`);
    const log = join(folder, `${name}.log`);
    const output = await open(log, 'a');
    const child = spawn(program, args, {
      ...identity,
      cwd: '/',
      env: { PATH: process.env.PATH, LANG: 'C.UTF-8', ...env },
      stdio: ['ignore', output.fd, output.fd],
      detached: true, // So that Ctrl-C only reaches the command, which stops its programs in order.
    });
    await output.close();
    const service = new Service(child, log);
    scope.teardown(() => service.end('SIGTERM'));
    await waitFor(async () => service.hasEnded || (await listens(port)), `${name} listens on port ${port}`);
    if (service.hasEnded) throw new StartupError(1, `${name} has not started:\n${await service.readLog()}`);
    return service;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** The end of its log. */
  async readLog(): Promise<string> {
    return (await readFile(this.#log, 'utf8')).slice(-3000);
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    if (this.hasEnded) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill(signal);
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 20_000);
    await ended;
    clearTimeout(timer);
  }
}

function listens(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = createConnection({ port, host: '127.0.0.1' });
  socket.on('connect', () => resolve(true)).on('error', () => resolve(false));
  return promise.finally(() => socket.destroy());
}
