import autocannon from 'autocannon';
import { percentile } from './table.ts';

/** What to request. */
export interface Target {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A target's performance under load. */
export interface Load {
  /** Requests per second. */
  readonly rate: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

const CONNECTIONS = 50;
const WARM_UP_SECONDS = 2;
const ROUND_SECONDS = 4;
const ROUNDS = 3;

/** Loads several targets in alternating rounds, so that disturbances affect all of them. */
export async function loadInTurn<const Targets extends readonly Target[]>(targets: Targets): Promise<Load[]> {
  for (const target of targets) await load(target, WARM_UP_SECONDS);
  const rounds: Load[][] = targets.map(() => []);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [index, target] of targets.entries()) {
      rounds[index]?.push(await load(target, ROUND_SECONDS));
    }
  }
  return rounds.map(median);
}

async function load({ url, headers }: Target, duration: number): Promise<Load> {
  const result = await autocannon({
    url,
    connections: CONNECTIONS,
    duration,
    ...(headers && { headers: { ...headers } }),
  });
  const refused = result.non2xx + result.errors + result.timeouts;
  if (refused > 0) {
    const statuses = Object.entries(result.statusCodeStats ?? {}).map(
      ([code, { count }]) => `${count} × ${code}`,
    );
    throw new Error(
      `${refused} requests to ${url} were not answered with 2xx: ${statuses.join(', ')}, ${result.errors} errors`,
    );
  }
  return { rate: result.requests.average, p50: result.latency.p50, p99: result.latency.p99 };
}

function median(loads: readonly Load[]): Load {
  const of = (key: keyof Load) =>
    percentile(
      loads.map((one) => one[key]),
      0.5,
    );
  return { rate: of('rate'), p50: of('p50'), p99: of('p99') };
}
