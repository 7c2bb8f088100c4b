import { listMonths } from '../../src/domain/posts/archive.ts';
import { Helper } from './helper.ts';
import { loadInTurn, type Target } from './load.ts';
import { benchPublishing } from './publishing.ts';
import { openSite, SCALES, type Site } from './site.ts';
import { type Bench, percentile, type Row } from './table.ts';

/**
 * Compares shared pages with a bare route that sends the same bytes from memory, a signed-in reader's pages with the same
 * queries written by hand, and a large site with a small one.
 */
export async function benchPages({ databaseUrl, scale }: Bench): Promise<Row[]> {
  const small = await openSite(await databaseUrl('pages_small'), SCALES.small);
  const large =
    scale === 'large' ? await openSite(await databaseUrl('pages_large'), SCALES.large) : undefined;
  const site = large ?? small;
  try {
    const rows = [
      ...(await benchShared(site)),
      ...(await benchOwn(site)),
      ...(await benchDepths(site)),
      ...(large === undefined ? [] : await benchGrowth(small, large)),
    ];
    return [...rows, ...(await benchPublishing(site)), ...(await benchProcess(site))];
  } finally {
    await small.close();
    await large?.close();
  }
}

/** Pages for visitors without a session. */
async function benchShared(site: Site): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [what, path] of site.samples) {
    const target = site.target(path);
    await using bare = await Helper.start('bare-page', { PAGE: await (await fetch(target.url)).text() });
    const reference = { what: 'a bare route, same bytes', target: { url: String(await bare.ask('url')) } };
    rows.push(await compare(site, `${what}, anonymous`, target, reference));
  }
  return rows;
}

/** The home page of a signed-in reader. */
async function benchOwn(site: Site): Promise<Row[]> {
  const target = site.target('/', 'few');
  const response = await fetch(target.url, { headers: { ...target.headers } });
  await using byHand = await Helper.start('home-by-hand', {
    ...site.env,
    PAGE: await response.text(),
    HEADERS: JSON.stringify(Object.fromEntries(response.headers)),
  });
  const reference = {
    what: 'by hand: same queries, bytes and headers',
    target: { ...target, url: `${await byHand.ask('url')}/` },
  };
  const row = await compare(site, 'home, signed in', target, reference);
  const compressed = {
    ...target,
    headers: { ...target.headers, 'accept-encoding': 'gzip, deflate, br, zstd' },
  };
  const plain = { what: 'uncompressed', target };
  return [
    row,
    {
      what: 'web process, memory after that',
      value: Number(await site.web.ask('pss')) / 2 ** 20,
      unit: 'MB',
      reference: { what: 'by hand', value: Number(await byHand.ask('pss')) / 2 ** 20 },
    },
    await compare(site, 'home, signed in, compressed', compressed, plain),
  ];
}

/** The depth of a page and the number of people followed should hardly matter. */
async function benchDepths(site: Site): Promise<Row[]> {
  const first = { what: 'the first page', target: site.target('/', 'few') };
  const few = { what: 'following 50', target: site.followed('few') };
  const months = await listMonths(site.app.db);
  const oldest = months.at(-1) ?? { year: 0, month: 0 };
  const month = `/archive/${oldest.year}/${String(oldest.month).padStart(2, '0')}`;
  return [
    await compare(site, 'home, the last page', site.target('/?page=-1', 'few'), first),
    await compare(site, 'home, page 500', site.target('/?page=500', 'few'), first),
    await compare(site, 'archive, the oldest month', site.target(month, 'few'), first),
    await compare(site, 'Followed tab, following many', site.followed('many'), few),
  ];
}

async function benchGrowth(small: Site, large: Site): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [index, [what, path]] of large.samples.entries()) {
    const [, smallPath = '/'] = small.samples[index] ?? [];
    const reference = { what: 'the small site', target: small.target(smallPath, 'few') };
    rows.push(await compare(large, `${what}, signed in, large site`, large.target(path, 'few'), reference));
  }
  return rows;
}

/** The process's memory after all that, and its start-up time. */
async function benchProcess(site: Site): Promise<Row[]> {
  const memory = Number(await site.web.ask('pss')) / 2 ** 20;
  const [ours, theirs] = [await startTime('web', site.env), await startTime('bare-page', {})];
  return [
    { what: 'web process, memory after all this', value: memory, unit: 'MB' },
    {
      what: 'web process, from start to ready',
      value: ours,
      unit: 'ms',
      reference: { what: 'a bare route', value: theirs },
    },
  ];
}

/** The median start-up time, in milliseconds. */
async function startTime(name: string, env: Readonly<Record<string, string>>): Promise<number> {
  const times: number[] = [];
  for (let start = 0; start < 5; start += 1) {
    const startedAt = performance.now();
    await using _helper = await Helper.start(name, env);
    times.push(performance.now() - startedAt);
  }
  return percentile(times, 0.5);
}

async function compare(
  site: Site,
  what: string,
  target: Target,
  reference: { what: string; target: Target },
): Promise<Row> {
  const [ours, theirs] = await loadInTurn([target, reference.target]);
  if (ours === undefined || theirs === undefined) throw new Error('nothing was measured');
  return {
    what,
    value: ours.rate,
    unit: 'requests/s',
    p50: ours.p50,
    p99: ours.p99,
    queries: await site.queries(target),
    reference: { what: reference.what, value: theirs.rate },
  };
}
