import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parser } from '@prometheus-io/lezer-promql';
import t, { type Test } from 'tap';
import { parse } from 'yaml';
import { build } from '../support/build.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const read = (path: string) => readFile(join(ROOT, path), 'utf8');

/** Labels that Prometheus adds, and its own metric of whether it reached a process. */
const ADDED_LABELS = ['job', 'instance'];
const UP = 'up';

interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
}

async function readRules(): Promise<Rule[]> {
  const { groups } = parse(await read('deploy/monitoring/alerts.yml')) as { groups: { rules: Rule[] }[] };
  return groups.flatMap(({ rules }) => rules);
}

/** The dashboard's queries, with a value for Grafana's variable. */
async function readQueries(): Promise<string[]> {
  const { panels } = JSON.parse(await read('deploy/monitoring/dashboard.json')) as {
    panels: { targets?: { expr: string }[] }[];
  };
  return panels
    .flatMap(({ targets = [] }) => targets)
    .map(({ expr }) => expr.replaceAll('$__rate_interval', '5m'));
}

/** The queries in the documentation. */
async function readDocumented(): Promise<string[]> {
  const blocks = (await read('docs/operations.md')).matchAll(/^```promql\n([\s\S]*?)^```/gm);
  return [...blocks].map(([, expr = '']) => expr);
}

/** What a process exports: each metric with the labels of its samples. */
async function exportedMetrics(t: Test): Promise<Map<string, Set<string>>> {
  const app = await build(t);
  await app.inject('/health/live');
  const { body } = await app.inject('/metrics');
  const metrics = new Map<string, Set<string>>();
  for (const [, name = '', labels = ''] of body.matchAll(/^(\w+)(?:\{(.*)\})? /gm)) {
    const known = metrics.get(name) ?? new Set(ADDED_LABELS);
    for (const [, label = ''] of labels.matchAll(/(\w+)="/g)) known.add(label);
    metrics.set(name, known);
  }
  return metrics;
}

/** Parses PromQL. Returns its metrics with the labels that they are selected by. Throws if it is invalid. */
function selectorsIn(expr: string): { name: string; labels: string[] }[] {
  const selectors: { name: string; labels: string[] }[] = [];
  parser.parse(expr).iterate({
    enter({ type, from, to }) {
      const text = expr.slice(from, to);
      if (type.isError) throw new Error(`PromQL is invalid at "${expr.slice(from)}": ${expr}`);
      if (type.name === 'Identifier') selectors.push({ name: text, labels: [] });
      // Labels after `by` come before their selector.
      if (type.name === 'UnquotedLabelMatcher') selectors.at(-1)?.labels.push(/^\w+/.exec(text)?.[0] ?? '');
    },
  });
  return selectors;
}

t.test('the alerts, the dashboard and the documentation query metrics and labels that exist', async (t) => {
  const metrics = await exportedMetrics(t);
  const rules = await readRules();
  const recorded = rules.map(({ record }) => record);
  const queries = [...rules.map(({ expr }) => expr), ...(await readQueries()), ...(await readDocumented())];
  t.ok(queries.length > 30);
  for (const { name, labels } of queries.flatMap(selectorsIn)) {
    if (name === UP || recorded.includes(name)) continue;
    t.ok(metrics.has(name), name);
    for (const label of labels) t.ok(metrics.get(name)?.has(label), `${name} has the label ${label}`);
  }
});

t.test('invalid queries are found', async (t) => {
  t.throws(() => selectorsIn('sum(rate(pennypost_jobs[5m])'), { message: /PromQL is invalid/ });
  t.same(selectorsIn('sum by (queue) (a{le="1", state!="x"}) / b'), [
    { name: 'a', labels: ['le', 'state'] },
    { name: 'b', labels: [] },
  ]);
});

t.test('metrics follow the naming conventions of Prometheus', async (t) => {
  const app = await build(t);
  const { body } = await app.inject('/metrics');
  const types = [...body.matchAll(/^# HELP (pennypost_\w+) (.*)\n# TYPE \1 (\w+)$/gm)];
  t.equal(types.length, [...body.matchAll(/^# TYPE pennypost_/gm)].length, 'each has a help');
  for (const [, name = '', help = '', type = ''] of types) {
    t.match(help, /^[A-Z].*\.$/, `${name}: its help is a sentence`);
    t.equal(
      name.endsWith('_total'),
      type === 'counter',
      `${name}: a counter, and only a counter, is a total`,
    );
    if (type === 'histogram') t.match(name, /_seconds$/, `${name}: its unit`);
    t.notMatch(name, /_(?:ms|milliseconds|minutes|hours|kb|mb)(?:_|$)/, `${name}: in base units`);
  }
});

t.test('docs/operations.md explains every alert', async (t) => {
  const explained = [...(await read('docs/operations.md')).matchAll(/^\| `(Pennypost\w+)` \|/gm)];
  const alerts = (await readRules()).flatMap(({ alert }) => alert ?? []);
  t.same(explained.map(([, name]) => name).sort(), alerts.sort());
});
