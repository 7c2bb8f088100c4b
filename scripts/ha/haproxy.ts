import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Scope } from '../../test/support/scope.ts';
import { findFreePort } from '../support/postgres-cluster.ts';
import { Service } from './service.ts';

const CONFIGURATION = join(import.meta.dirname, '..', '..', 'deploy', 'haproxy.cfg');

/** The ports of a PostgreSQL node, and of its Patroni. */
export interface NodePorts {
  readonly postgres: number;
  readonly rest: number;
}

/** An address of the configuration, and the one to use instead. */
type Replacement = readonly [string, string];

/** Starts HAProxy in front of web processes. Returns its port. */
export async function balanceWeb(scope: Scope, webs: readonly number[], folder: string): Promise<number> {
  const pages = await findFreePort();
  const ports: Replacement[] = [['127.0.0.1:8080', `127.0.0.1:${pages}`]];
  for (const [index, port] of webs.entries()) ports.push([`127.0.0.1:${3000 + index}`, `127.0.0.1:${port}`]);
  await start(scope, { sections: /^(?!listen (?:primary|replicas)\n)/, ports, folder }, pages);
  return pages;
}

/** Starts HAProxy in front of PostgreSQL. Returns its ports. */
export async function balancePostgres(
  scope: Scope,
  nodes: readonly NodePorts[],
  folder: string,
): Promise<{ primary: number; replicas: number }> {
  const [primary, replicas] = [await findFreePort(), await findFreePort()];
  const ports: Replacement[] = [
    ['127.0.0.1:5000', `127.0.0.1:${primary}`],
    ['127.0.0.1:5001', `127.0.0.1:${replicas}`],
  ];
  for (const [index, { postgres, rest }] of nodes.entries())
    ports.push([`10.0.0.${index + 1}:5432 check port 8008`, `127.0.0.1:${postgres} check port ${rest}`]);
  await start(scope, { sections: /^(?!listen pages\n)/, ports, folder }, primary);
  return { primary, replicas };
}

/** Starts it with some sections of the configuration in `deploy`, at other addresses. */
async function start(
  scope: Scope,
  { sections, ports, folder }: { sections: RegExp; ports: readonly Replacement[]; folder: string },
  port: number,
): Promise<void> {
  const all = (await readFile(CONFIGURATION, 'utf8')).split(/^(?=listen )/m);
  const text = all.filter((section) => sections.test(section)).join('');
  const file = join(folder, `haproxy-${port}.cfg`);
  await writeFile(
    file,
    ports.reduce((result, [from, to]) => result.replaceAll(from, to), text),
  );
  await chmod(file, 0o644);
  await Service.start(
    scope,
    { name: 'haproxy', command: 'haproxy', args: ['-db', '-f', file], folder },
    port,
  );
}
