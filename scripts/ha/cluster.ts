import { chown, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import type { Scope } from '../../test/support/scope.ts';
import { waitFor } from '../../test/support/wait-for.ts';
import { findIdentity } from '../support/postgres-binaries.ts';
import { findFreePort } from '../support/postgres-cluster.ts';
import type { NodePorts } from './haproxy.ts';
import { requirePackages, Service } from './service.ts';

const CONFIGURATION = join(import.meta.dirname, '..', '..', 'deploy', 'patroni.yml');

/** The password of all roles, on loopback and for minutes. */
export const PASSWORD = 'pennypost';

/** A PostgreSQL with its Patroni. */
export interface Node extends NodePorts {
  readonly name: string;
  readonly folder: string;
  readonly patroni: Service;
}

/** Starts three nodes: the primary, its synchronous replica and another. */
export async function startCluster(scope: Scope, folder: string): Promise<Node[]> {
  await requirePackages('etcd-server', 'patroni', 'postgresql-15');
  const etcd = await startEtcd(scope, folder);
  const nodes: Node[] = [];
  for (const name of ['node1', 'node2', 'node3']) {
    nodes.push(await startNode(scope, name, { etcd, folder }));
    if (nodes.length === 1) await waitFor(() => primaryOf(nodes), 'the first node is the primary');
  }
  await waitFor(() => isComplete(nodes), 'both replicas follow the primary, one of them synchronously');
  return nodes;
}

/** The node that Patroni says is the primary, if there is one. */
export async function primaryOf(nodes: readonly Node[]): Promise<Node | undefined> {
  const answers = await Promise.all(nodes.map(({ rest }) => ask(rest, '/primary')));
  return nodes.find((_node, index) => answers[index]?.ok);
}

async function isComplete(nodes: readonly Node[]): Promise<boolean> {
  const roles = await Promise.all(
    nodes.map(async ({ rest }) => [(await ask(rest, '/replica'))?.ok, (await ask(rest, '/synchronous'))?.ok]),
  );
  return (
    roles.filter(([isReplica]) => isReplica).length === 2 && roles.some(([, isSynchronous]) => isSynchronous)
  );
}

/** Kills a node as a power cut does: its PostgreSQL and its Patroni. */
export async function killNode({ folder, patroni }: Node): Promise<void> {
  const postmaster = Number((await readFile(join(folder, 'data', 'postmaster.pid'), 'utf8')).split('\n')[0]);
  const died = patroni.end('SIGKILL');
  process.kill(postmaster, 'SIGKILL');
  await died;
}

/** Asks Patroni. Undefined without a response. */
function ask(port: number, path: string): Promise<Response | undefined> {
  const signal = AbortSignal.timeout(1_000);
  return fetch(`http://127.0.0.1:${port}${path}`, { signal }).catch(() => undefined);
}

/** @returns the port for clients */
async function startEtcd(scope: Scope, folder: string): Promise<number> {
  const [port, peerPort] = [await findFreePort(), await findFreePort()];
  const [url, peerUrl] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${peerPort}`];
  const args = [
    ...['--name=etcd', `--data-dir=${join(folder, 'etcd')}`],
    ...[`--listen-client-urls=${url}`, `--advertise-client-urls=${url}`],
    ...[`--listen-peer-urls=${peerUrl}`, `--initial-advertise-peer-urls=${peerUrl}`],
    `--initial-cluster=etcd=${peerUrl}`,
  ];
  await Service.start(scope, { name: 'etcd', command: 'etcd', args, folder }, port);
  return port;
}

async function startNode(
  scope: Scope,
  name: string,
  { etcd, folder: parent }: { etcd: number; folder: string },
): Promise<Node> {
  const identity = await findIdentity();
  const folder = join(parent, name);
  await mkdir(folder);
  if (identity.uid !== undefined) await chown(folder, identity.uid, identity.gid);
  const [postgres, rest] = [await findFreePort(), await findFreePort()];
  const settings = parse(await readFile(CONFIGURATION, 'utf8'));
  const file = join(folder, 'patroni.yml');
  const [here, api] = [`127.0.0.1:${postgres}`, `127.0.0.1:${rest}`];
  const { authentication } = settings.postgresql;
  await writeFile(
    file,
    stringify({
      ...settings,
      name,
      etcd3: { hosts: `127.0.0.1:${etcd}` },
      restapi: { listen: api, connect_address: api },
      postgresql: {
        ...settings.postgresql,
        listen: here,
        connect_address: here,
        data_dir: join(folder, 'data'),
        pgpass: join(folder, 'pgpass'),
        pg_hba: settings.postgresql.pg_hba.map((rule: string) => rule.replace('10.0.0.0/24', '127.0.0.1/32')),
        parameters: { unix_socket_directories: folder },
        authentication: {
          superuser: { ...authentication.superuser, password: PASSWORD },
          replication: { ...authentication.replication, password: PASSWORD },
        },
      },
    }),
  );
  const program = { name, command: 'patroni', args: [file], folder: parent, identity };
  scope.teardown(() => stopPostgres(folder)); // After its Patroni, which stops it unless it was killed.
  const patroni = await Service.start(scope, program, rest);
  return { name, folder, postgres, rest, patroni };
}

/** Stops the PostgreSQL of a Patroni that was killed. */
async function stopPostgres(folder: string): Promise<void> {
  const text = await readFile(join(folder, 'data', 'postmaster.pid'), 'utf8').catch(() => '');
  const pid = Number(text.split('\n')[0]);
  try {
    if (pid > 0) process.kill(pid, 'SIGQUIT');
  } catch {
    // It has ended.
  }
}
