import { glob, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildApp } from '../src/app.ts';
import { loadConfig } from '../src/config.ts';
import { StartupError } from '../src/errors.ts';
import { readyOrClose } from '../src/process.ts';
import { runMain } from '../src/run-main.ts';
import { withEmptyDatabase } from './bench/cluster.ts';
import { describeCommands } from './reference/commands.ts';
import { describeConfiguration, writeExample } from './reference/configuration.ts';
import { renderDiagram } from './reference/diagrams.ts';
import { drawImports } from './reference/imports.ts';
import { describeMetrics } from './reference/metrics.ts';
import { describeApi } from './reference/openapi.ts';
import { watchPlugins } from './reference/plugin-tree.ts';
import { describeQueues } from './reference/queues.ts';
import { describeRoutes, watchRoutes } from './reference/routes.ts';
import { includeCode } from './support/include-code.ts';

const ROOT = join(import.meta.dirname, '..');

const OPENAPI = 'docs/reference/openapi.json';

const read = (file: string) => readFile(join(ROOT, file), 'utf8');

/**
 * `npm run docs`: writes `docs/reference` and `.env.example` from the code, draws `docs/diagrams`, and updates the code in the
 * documents. `--check` only reports stale ones. `--database URL` uses an empty, migrated database instead of its own
 * PostgreSQL.
 */
await runMain(async () => {
  const { values } = parseArgs({
    options: { check: { type: 'boolean', default: false }, database: { type: 'string' } },
  });
  const stale: string[] = [];
  await withEmptyDatabase(values.database, async (databaseUrl) => {
    for (const [file, current] of await writeDocuments(databaseUrl)) {
      if (current === (await read(file).catch(() => ''))) continue;
      stale.push(file);
      if (!values.check) await writeFile(join(ROOT, file), current);
    }
  });
  if (values.check && stale.length > 0) {
    throw new StartupError(1, `${stale.join(', ')} is stale. Run: npm run docs`);
  }
  console.log(stale.length === 0 ? 'The documents are current.' : `Updated: ${stale.join(', ')}.`);
});

/** The documents as they should be, by path. */
async function writeDocuments(databaseUrl: string): Promise<Map<string, string>> {
  const documents = new Map([
    ['.env.example', await writeExample(read)],
    ['docs/reference/configuration.md', await describeConfiguration(read)],
    ['docs/reference/queues.md', await describeQueues(read)],
    ['docs/reference/commands.md', await describeCommands(read)],
    ['docs/diagrams/imports.mmd', await drawImports(ROOT)],
    ...(await describeApp(databaseUrl)),
  ]);
  for await (const file of glob('{*.md,docs/**/*.md,src/**/*.md}', { cwd: ROOT })) {
    if (!documents.has(file)) documents.set(file, await includeCode(await read(file), read));
  }
  for await (const file of glob('docs/diagrams/*.mmd', { cwd: ROOT })) {
    const mermaid = documents.get(file) ?? (await read(file));
    documents.set(file.replace(/\.mmd$/, '.svg'), renderDiagram(mermaid));
  }
  return documents;
}

/** What only the application knows. It has a local mailbox, so that the routes of development are among them. */
async function describeApp(databaseUrl: string): Promise<[file: string, page: string][]> {
  const folder = await mkdtemp(join(tmpdir(), 'pennypost-docs-'));
  const config = loadConfig({
    DATABASE_URL: databaseUrl,
    DATA_DIR: folder,
    LOG_LEVEL: 'warn',
    SECURITY_CONTACT: 'mailto:security@example.com',
  });
  const patient = { ...config.deadlines, connectMs: 30_000 }; // The machine may be busy with the tests.
  const app = buildApp({ ...config, deadlines: patient }, { role: 'command' });
  try {
    const routes = watchRoutes(app);
    const plugins = watchPlugins(app);
    await readyOrClose(app);
    return [
      ['docs/reference/routes.md', describeRoutes(routes())],
      ['docs/reference/metrics.md', await describeMetrics(app)],
      ['docs/diagrams/plugins.mmd', plugins()],
      [OPENAPI, describeApi(app, await read(OPENAPI).catch(() => ''))],
    ];
  } finally {
    await app.close();
    await rm(folder, { recursive: true });
  }
}
