import { existsSync } from 'node:fs';
import { glob, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { queueContracts } from '../../src/all-queues.ts';
import { describeVariables } from '../../src/config.ts';
import { build } from '../support/build.ts';

const ROOT = join(import.meta.dirname, '..', '..');

/** What people read to run and change Pennypost. */
const DOCUMENTS =
  '{*.md,docs/**/*.md,src/**/*.md,Dockerfile,compose.yaml,Procfile,deploy/{Caddyfile,*.sql,*.ini,*.cfg,*.yml},deploy/systemd/**/*.{service,conf}}';

/** Names in capitals that are not our variables: of Flasky and Celery, Linux, and a constant of the tests. */
const NO_VARIABLES = new Set([
  ...['CELERY_BROKER_URL', 'SECRET_KEY', 'COSTLY_HASHING'],
  ...['AF_INET', 'AF_INET6', 'AF_UNIX', 'NET_BIND_SERVICE'],
]);

/** What readers of the tutorial make. */
const MADE_IN_TUTORIAL = /reading[-_]reminder/;

/** Patterns for names in the documents; the group has the name. */
const NAMES = {
  link: /(?:\]\(|src(?:set)?=")(?!\w+:|#)([^)"#]+)/g,
  path: /(?<![\w/.<-])((?:src|test|scripts|docs|deploy|migrations|views|public)\/[\w./-]*)/g,
  command: /\bnpm\s+(?:run\s+([\w:-]+)|(start|test)\b)/g,
  variable: /\b([A-Z][A-Z\d]*(?:_[A-Z\d]+)+)\b/g,
  queue: /queues? `([\w.-]+)`|`([\w.-]+)` queues?\b|--queues=([\w-]+)|`([\w-]+)\.dead`/g,
  metric: /\b(pennypost_\w+)/g,
};

type Kind = keyof typeof NAMES;

const read = (path: string) => readFile(join(ROOT, path), 'utf8');

/** Makes a function that lists names in a document that do not exist in the project. */
async function findUnknown(t: Test) {
  const app = await build(t);
  const { body } = await app.inject('/metrics');
  const metrics = new Set([...body.matchAll(/^(?:# TYPE )?(pennypost_\w+)/gm)].map(([, name]) => name));
  const { scripts } = JSON.parse(await read('package.json'));
  const composeVariables = [...(await read('compose.yaml')).matchAll(/\$\{(\w+)/g)].map(([, name]) => name);
  const variables = new Set([
    ...describeVariables().keys(),
    ...composeVariables,
    ...NO_VARIABLES,
    'CHROMIUM_PATH',
  ]);
  const queues = new Set(queueContracts.map(({ name }) => name));

  return (document: string, text: string): string[] => {
    const isThere: Record<Kind, (name: string) => boolean> = {
      link: (name) => existsSync(join(ROOT, dirname(document), name.split(' ', 1)[0] ?? '')),
      path: (name) => ['', '.ts'].some((ending) => existsSync(join(ROOT, name.replace(/\.$/, '') + ending))),
      command: (name) => name in scripts,
      variable: (name) => variables.has(name),
      queue: (name) => queues.has(name.replace(/\.dead$/, '')) || name.startsWith('NAME'),
      metric: (name) => metrics.has(name),
    };
    // Only shell code names our files; other code is included from the sources or shows other projects.
    const prose = text.replaceAll(/^```(?!sh\b)\w+\n[\s\S]*?^```/gm, '');
    return (Object.keys(NAMES) as Kind[]).flatMap((kind) =>
      [...prose.matchAll(NAMES[kind])]
        .map((match) => match.slice(1).find(Boolean) ?? '')
        .filter((name) => !isThere[kind](name) && !MADE_IN_TUTORIAL.test(name))
        .map((name) => `${kind} ${name}`),
    );
  };
}

t.test('everything that the documents mention exists', async (t) => {
  const unknownIn = await findUnknown(t);
  for await (const document of glob(DOCUMENTS, { cwd: ROOT })) {
    t.same(unknownIn(document, await read(document)), [], document);
  }
});

t.test('an unknown name of each kind is found', async (t) => {
  const unknownIn = await findUnknown(t);
  const text = `See [this](../src/gone.ts) and src/plugins/gone.ts; run \`npm run gone\` with GONE_URL set.
    The queue \`gone\`, \`-- --queues=lost\`, \`missing.dead\`. Watch pennypost_gone_total.
    [That](security.md) and src/app.ts, \`npm test\`, \`npm run dev\`, SMTP_URL, \`mail.dead\`, pennypost_jobs exist.`;
  t.same(unknownIn('docs/some.md', text), [
    'link ../src/gone.ts',
    'path src/plugins/gone.ts',
    'command gone',
    'variable GONE_URL',
    'queue gone',
    'queue lost',
    'queue missing',
    'metric pennypost_gone_total',
  ]);
});

t.test('every promise about delivery names the test that checks it', async (t) => {
  const rows =
    (await read('ARCHITECTURE.md'))
      .match(/^\| event \|.*\n.*\n((?:\|.*\n)+)/m)?.[1]
      ?.trim()
      .split('\n') ?? [];
  t.ok(rows.length > 10);
  for (const row of rows) {
    const links = [...row.matchAll(/\[([^\]]+)\]\((test\/[\w/-]+\.test\.ts)\)/g)];
    t.not(links.length, 0, row);
    for (const [, name = '', file = ''] of links) {
      const source = await read(file);
      t.ok(
        [`'${name}'`, `"${name}"`].some((title) => source.includes(title)),
        name,
      );
    }
  }
});

t.test('each test is at the path of the file or folder that it tests', async (t) => {
  for await (const file of glob('test/**/*.test.ts', { cwd: ROOT })) {
    const path = file.slice('test/'.length, -'.test.ts'.length);
    if (path.startsWith('system/')) continue;
    const candidates = [`src/${path}.ts`, `src/${path}`, `${path}.ts`, path];
    t.ok(
      candidates.some((candidate) => existsSync(join(ROOT, candidate))),
      file,
    );
  }
});
