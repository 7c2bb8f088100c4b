import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Scope } from '../../test/support/scope.ts';
import { type Cluster, openCluster, type PostgresSettings } from './postgres-cluster.ts';

/** Runs PostgreSQL until the scope ends, even if that is before it has started. */
export async function openClusterIn(
  scope: Scope,
  folder: string,
  settings?: PostgresSettings,
): Promise<Cluster> {
  const opening = openCluster(folder, settings);
  scope.teardown(async () => (await opening.catch(() => undefined))?.stop());
  return opening;
}

/** Runs PostgreSQL until the scope ends, and then deletes its data. */
export async function openTemporaryCluster(
  scope: Scope,
  parent: string,
  settings?: PostgresSettings,
): Promise<Cluster> {
  const folder = await mkdtemp(join(parent, 'pennypost-'));
  let data = folder;
  scope.teardown(async () => {
    for (const place of [folder, data]) await rm(place, { recursive: true, force: true });
  });
  await chmod(folder, 0o755); // For the user that PostgreSQL runs as, who then needs no other folder.
  const cluster = await openClusterIn(scope, folder, settings);
  data = cluster.folder;
  return cluster;
}
