import type { FastifyInstance } from 'fastify';
import { code, page, table } from './markdown.ts';

const INTRODUCTION = `\`GET /metrics\` returns these in Prometheus's text format, together with those of
[prom-client](https://github.com/siimon/prom-client) about the process (\`process_…\`, \`nodejs_…\`). Those with the label
\`queue\` and those about workers, mail and accounts come from the database, so every web process reports the same.
[operations.md](../operations.md#monitoring) says how to watch them.`;

/** Units that a metric's name ends with, as Prometheus recommends. */
const UNITS = ['seconds', 'bytes'];

/** The page about metrics: what the application itself reports. */
export async function describeMetrics(app: FastifyInstance): Promise<string> {
  await app.inject('/health/live'); // A metric of requests has labels only when there was one.
  const text = await app.metrics.text();
  const rows = [...text.matchAll(/^# HELP (pennypost_\w+) (.+)\n# TYPE \S+ (\w+)$/gm)].map(
    ([, name = '', help = '', type = '']) => [
      code(name),
      help,
      type,
      UNITS.find((unit) => name.endsWith(`_${unit}`)) ?? '',
      labelsOf(text, name).map(code).join(', '),
    ],
  );
  return page('Metrics', INTRODUCTION, table(['metric', 'meaning', 'type', 'unit', 'labels'], rows));
}

function labelsOf(text: string, metric: string): string[] {
  const [, labels = ''] = new RegExp(`^${metric}(?:_bucket)?\\{(.*)\\}`, 'm').exec(text) ?? [];
  return [...labels.matchAll(/(\w+)="/g)].map(([, label = '']) => label).filter((label) => label !== 'le');
}
