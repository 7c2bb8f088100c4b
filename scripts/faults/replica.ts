import { FaultyPostgres } from '../../test/support/postgres.ts';
import { FaultyProxy } from '../../test/support/proxy.ts';
import type { Fault } from './fault.ts';
import { DATABASE, type Site } from './site.ts';

interface Replica {
  readonly postgres: FaultyPostgres;
  /** The network between the web process and the replica. */
  readonly network: FaultyProxy;
}

/** A site's replica, which is started with the first fault that needs it. */
const replicas = new WeakMap<Site, Promise<Replica>>();

/** Faults of the replica that visitors' pages are read from. */
export const replicaFaults: readonly Fault[] = [
  {
    name: 'replica-lagging',
    readers: 'nothing',
    prepare: readFromReplica,
    async cause(site) {
      const { postgres } = await replicaOf(site);
      await postgres.query('select pg_wal_replay_pause()');
      return () => postgres.query('select pg_wal_replay_resume()');
    },
  },
  {
    name: 'replica-gone-during-queries',
    readers: 'stale or 503',
    prepare: readFromReplica,
    async cause(site) {
      const { postgres } = await replicaOf(site);
      await postgres.cluster.stop('immediate');
      return () => postgres.cluster.restart('fast');
    },
  },
  {
    name: 'replica-black-holed',
    readers: 'stale or 503',
    prepare: readFromReplica,
    async cause(site) {
      const { network } = await replicaOf(site);
      network.swallow();
      return () => network.heal();
    },
  },
];

/** Replaces the first web process by one that reads from the replica. */
async function readFromReplica(site: Site) {
  const { network } = await replicaOf(site);
  await replaceWeb(site, { DATABASE_REPLICA_URL: network.url });
  return () => replaceWeb(site);
}

async function replaceWeb(site: Site, env?: Record<string, string>): Promise<void> {
  await site.processes.web.end('SIGTERM');
  await site.restart('web', env);
}

function replicaOf(site: Site): Promise<Replica> {
  const replica = replicas.get(site) ?? startReplica(site);
  replicas.set(site, replica);
  return replica;
}

async function startReplica({ postgres, ownerUrl, scope, folder }: Site): Promise<Replica> {
  const copy = await folder();
  await postgres.copyTo(copy);
  const replica = await FaultyPostgres.start(scope, copy);
  const url = new URL(ownerUrl);
  url.port = String(replica.cluster.port);
  url.pathname = `/${DATABASE}`;
  return { postgres: replica, network: await FaultyProxy.open(scope, url.href) };
}
