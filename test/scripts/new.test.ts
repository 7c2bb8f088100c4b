import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { type Change, makeChanges, planNew } from '../../scripts/new/changes.ts';
import { start } from '../support/processes.ts';

const ROOT = join(import.meta.dirname, '..', '..');

/** The lines that a change adds to a file, without indentation. */
function linesIn(changes: readonly Change[], path: string): string[] {
  const { before = '', after = '' } = changes.find((change) => change.path === path) ?? {};
  const old = before.split('\n');
  return after
    .split('\n')
    .filter((line) => !old.includes(line))
    .map((line) => line.trim());
}

t.test('a job has its contract, its files and its test, and is in every list of jobs', async (t) => {
  const changes = await planNew(ROOT, 'job', 'tea-time');
  const created = changes.filter(({ before }) => before === undefined).map(({ path }) => path);
  t.same(created, ['src/jobs/tea-time.ts', 'src/domain/tea-time/run.ts', 'test/jobs/tea-time.test.ts']);
  t.match(linesIn(changes, 'src/queues.ts'), [
    "/** Says what the queue's jobs do. */",
    'export const teaTimeQueue = defineQueue({',
    "name: 'tea-time',",
  ]);
  t.same(linesIn(changes, 'src/jobs/index.ts'), ["import teaTime from './tea-time.ts';", 'teaTime,']);
  for (const { path, after } of changes) t.notMatch(after, /example.?name/i, path);
});

t.test('a mail has its payload, its template, both texts and data for its test', async (t) => {
  const changes = await planNew(ROOT, 'mail', 'tea-time');
  const created = changes.filter(({ before }) => before === undefined).map(({ path }) => path);
  t.same(created, ['views/mail/tea-time.html.eta', 'views/mail/tea-time.txt.eta']);
  t.same(linesIn(changes, 'src/queues.ts'), ["mail('tea-time', { userId: id() }),"]);
  t.same(linesIn(changes, 'src/domain/mail/templates.ts'), ["'tea-time': {", "subject: 'Tea time',"]);
  t.same(linesIn(changes, 'test/views/mail.test.ts'), ["'tea-time': link,"]);
});

t.test('a page is for members, and is in every list of pages', async (t) => {
  const changes = await planNew(ROOT, 'page', 'tea-time');
  t.match(linesIn(changes, 'views/tea-time.eta'), ["<% layout('/layout') %>", '<h1>Tea time</h1>']);
  t.match(linesIn(changes, 'test/system/authorization/matrix.ts'), [
    /^GET \/tea-time {2,}log in {2,}confirm/,
  ]);
  for (const list of ['queries', 'plans', 'browser/pages'])
    t.same(linesIn(changes, `test/system/${list}.test.ts`), ["'/tea-time',"], list);
});

t.test('a migration gets the next number, and its table a type', async (t) => {
  const changes = await planNew(ROOT, 'migration', 'tea-time');
  const next = String((await readdir(join(ROOT, 'migrations'))).length + 1).padStart(4, '0');
  t.ok(linesIn(changes, `migrations/${next}_tea_time.ts`).includes('create table tea_time ('));
  t.ok(linesIn(changes, 'src/database/schema.ts').includes('tea_time: {'));
});

t.test('a bad or taken name and an unknown kind are refused, and nothing is changed', async (t) => {
  for (const name of ['', 'Tea', 'tea_time', '../tea', 'tea-', '1tea', 'a'.repeat(41)])
    await t.rejects(planNew(ROOT, 'job', name), { exitCode: 2, message: `"${name}" is not accepted` }, name);
  await t.rejects(planNew(ROOT, 'job', 'mail'), { exitCode: 2, message: 'There is a src/jobs/mail.ts' });
  await t.rejects(planNew(ROOT, 'migration', 'mail'), { message: 'There is a migrations/0006_mail.ts' });
  const running = start(t, ['scripts/new.ts', 'joke', 'tea'], {});
  t.equal(await running.exited(), 2);
  t.equal(running.output, 'Usage: npm run new -- job|mail|page|migration NAME\n');
});

t.test('a failure undoes what was written', async (t) => {
  const root = t.testdir({ 'old.ts': 'old', blocked: 'a file where a folder should be' });
  const changes = [
    { path: 'new/new.ts', before: undefined, after: 'new' },
    { path: 'old.ts', before: 'old', after: 'changed' },
  ];
  const blocked = { path: 'blocked/new.ts', before: undefined, after: 'new' };
  await t.rejects(makeChanges(root, [...changes, blocked], async () => {}));
  await t.rejects(makeChanges(root, changes, () => Promise.reject(new Error('refused'))));
  t.equal(await readFile(join(root, 'old.ts'), 'utf8'), 'old');
  t.same(await readdir(join(root, 'new')), []);
  await makeChanges(root, changes, async () => {});
  t.equal(await readFile(join(root, 'old.ts'), 'utf8'), 'changed');
});
