import { execFile } from 'node:child_process';
import { appendFile, chown, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import type { Cluster } from '../../scripts/support/postgres-cluster.ts';
import { openClusterIn } from '../../scripts/support/temporary-cluster.ts';
import type { Scope } from './scope.ts';

const execute = promisify(execFile);

/** A connection that stays open, with what it locks, until it is closed. */
export interface Held {
  close(): Promise<void>;
}

/** A PostgreSQL of its own, to break. All faults are made by its superuser, or from outside. */
export class FaultyPostgres {
  readonly cluster: Cluster;

  private constructor(cluster: Cluster) {
    this.cluster = cluster;
  }

  /** Starts one in a folder, new or prepared by `copyTo`. It stops with the test. */
  static async start(
    t: Scope,
    folder: string,
    settings: Readonly<Record<string, string>> = {},
  ): Promise<FaultyPostgres> {
    return new FaultyPostgres(await openClusterIn(t, folder, settings));
  }

  /** Runs a statement as superuser, on a separate connection. */
  async query<Row extends object>(statement: string, values: unknown[] = [], database = 'postgres') {
    const client = await this.#connect(database);
    try {
      return (await client.query<Row>(statement, values)).rows;
    } finally {
      await client.end();
    }
  }

  /** Runs statements as superuser and keeps the connection. End a transaction or its locks with `close`. */
  async hold(statements: string, database: string): Promise<Held> {
    const client = await this.#connect(database);
    client.on('error', () => {}); // The server may be stopped first.
    await client.query(statements);
    return { close: () => client.end() };
  }

  /** Changes a setting of the server, also for open connections. */
  async set(name: string, value: string | undefined): Promise<void> {
    await this.query(`alter system ${value === undefined ? `reset ${name}` : `set ${name} = ${value}`}`);
    await this.query('select pg_reload_conf()');
  }

  /** Ends the connections of a user whose name matches, or kills them, which makes PostgreSQL restart all. */
  async endConnections(user: string, { named = '%', kills = false } = {}): Promise<number> {
    const rows = await this.query<{ pid: number }>(
      `select pid, ${kills ? 'false' : 'pg_terminate_backend(pid)'} as is_ended
       from pg_stat_activity where usename = $1 and application_name like $2`,
      [user, named],
    );
    if (kills) for (const { pid } of rows.slice(0, 1)) process.kill(pid, 'SIGKILL');
    return rows.length;
  }

  /** Takes all connections that a user may have, also those that it has. */
  async takeConnections(url: string, user: string): Promise<Held> {
    const taken: pg.Client[] = [];
    let isFull = false;
    const take = async () => {
      const client = new pg.Client({ connectionString: url });
      client.on('error', () => {});
      await client.connect().then(
        () => taken.push(client),
        () => {
          isFull = true;
        },
      );
    };
    for (let left = 1; left > 0 || !isFull; ) {
      isFull = false;
      await Promise.all(Array.from({ length: 20 }, take));
      left = await this.endConnections(user, { named: 'pennypost%' });
    }
    return { close: async () => void (await Promise.all(taken.map((client) => client.end()))) };
  }

  /** Stops all of its processes where they are. */
  async freeze(): Promise<{ thaw(): void }> {
    const rows = await this.query<{ pid: number }>('select pid from pg_stat_activity');
    const pid = Number((await readFile(join(this.cluster.folder, 'postmaster.pid'), 'utf8')).split('\n')[0]);
    const pids = [pid, ...rows.map((row) => row.pid)];
    const signal = (name: NodeJS.Signals) => {
      for (const one of pids) {
        try {
          process.kill(one, name);
        } catch {
          // It has ended.
        }
      }
    };
    signal('SIGSTOP');
    return { thaw: () => signal('SIGCONT') };
  }

  /** Copies its data to a folder where `start` runs it as a replica, which follows this one. */
  async copyTo(folder: string): Promise<void> {
    const client = await this.#connect('postgres');
    const copy = join(folder, 'postgres');
    await client.query("select pg_backup_start('replica', true)");
    await execute('cp', ['-a', this.cluster.folder, copy]); // With the owner, who may be another user.
    const { rows } = await client.query<{ label: string }>(
      'select labelfile as label from pg_backup_stop(false)',
    );
    await client.end();
    await rm(join(copy, 'postmaster.pid'));
    const { uid, gid } = await stat(copy);
    for (const [name, text] of [
      ['backup_label', rows[0]?.label ?? ''],
      ['standby.signal', ''],
    ] as const) {
      await writeFile(join(copy, name), text);
      await chown(join(copy, name), uid, gid);
    }
    await appendFile(
      join(copy, 'postgresql.auto.conf'),
      `primary_conninfo = '${this.cluster.url('postgres')}'\n`,
    );
  }

  async #connect(database: string): Promise<pg.Client> {
    const client = new pg.Client({
      connectionString: this.cluster.url(database),
      application_name: 'fault',
      connectionTimeoutMillis: 10_000,
    });
    await client.connect();
    return client;
  }
}
