import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import type { Test } from 'tap';
import { findBinaries, run } from '../../scripts/support/postgres-binaries.ts';
import { findFreePort } from '../../scripts/support/postgres-cluster.ts';
import { createEmptyDatabase, testServerVersion } from './database.ts';

const execute = promisify(execFile);

/** Creates an empty database and returns its URL. */
type CreateDatabase = (name: string) => Promise<string>;

/**
 * A server that the pg_dump on the PATH can read, which cannot be newer than pg_dump: the tests' own, or else the one that
 * Debian installs beside pg_dump. Undefined if there is none.
 */
export async function findDumpableServer(t: Test): Promise<CreateDatabase | undefined> {
  const found = await execute('pg_dump', ['--version']).catch(() => undefined);
  const version = Number(/\) (\d+)/.exec(found?.stdout ?? '')?.[1]);
  if (version >= (await testServerVersion())) return () => createEmptyDatabase(t);
  const programs = `/usr/lib/postgresql/${version}/bin`;
  return existsSync(join(programs, 'initdb')) ? startServer(t, programs) : undefined;
}

/** Starts a server on loopback that ends with the test. */
async function startServer(t: Test, programs: string): Promise<CreateDatabase> {
  const { identity } = await findBinaries();
  const folder = await mkdtemp(join(tmpdir(), 'pennypost-test-'));
  if (identity.uid !== undefined) await chown(folder, identity.uid, identity.gid);
  const port = await findFreePort();
  const options = `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off`;
  const initdb = [
    '-D',
    folder,
    '-U',
    'postgres',
    '--auth=trust',
    '--encoding=UTF8',
    '--locale=C',
    '--no-sync',
  ];
  await run(join(programs, 'initdb'), initdb, identity);
  const control = (...args: string[]) =>
    run(join(programs, 'pg_ctl'), ['-D', folder, '-w', ...args], identity);
  await control('start', '-l', join(folder, 'log'), '-o', options);
  t.teardown(async () => {
    await control('stop', '-m', 'immediate');
    await rm(folder, { recursive: true });
  });
  const urlOf = (database: string) => `postgresql://postgres:ignored@127.0.0.1:${port}/${database}`;
  return async (name) => {
    const client = new pg.Client({ connectionString: urlOf('postgres') });
    await client.connect();
    await client.query(`create database ${name}`);
    await client.end();
    return urlOf(name);
  };
}
