import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Scope } from '../../test/support/scope.ts';
import { findIdentity } from '../support/postgres-binaries.ts';
import { findFreePort } from '../support/postgres-cluster.ts';
import { Service } from './service.ts';

const CONFIGURATION = join(import.meta.dirname, '..', '..', 'deploy', 'pgbouncer.ini');

/** Settings for the tests, which have many databases and drop them. */
const FOR_TESTS = `
auth_type = any
server_idle_timeout = 1
`;

/**
 * Starts PgBouncer with the configuration in `deploy` in front of all databases of a server. A client that connects to it has the
 * rights of the role in the URL.
 *
 * @param databaseUrl one of its databases
 * @returns its port
 */
export async function startPgBouncer(scope: Scope, databaseUrl: string, folder: string): Promise<number> {
  const { hostname, port, username, password } = new URL(databaseUrl);
  const listenPort = await findFreePort();
  const target = `* = host=${hostname} port=${port} user=${username} password=${password} connect_query=`;
  const text = (await readFile(CONFIGURATION, 'utf8'))
    .replace(/^pennypost = .*connect_query=/m, target)
    .replace(/^listen_port = .*$/m, `listen_port = ${listenPort}`)
    .replace(/^auth_(?:type|file) = .*$/gm, '');
  const file = join(folder, 'pgbouncer.ini');
  await writeFile(file, text + FOR_TESTS);
  await chmod(file, 0o644);
  const program = {
    name: 'pgbouncer',
    command: 'pgbouncer',
    args: [file],
    folder,
    identity: await findIdentity(),
  };
  await Service.start(scope, program, listenPort);
  return listenPort;
}
