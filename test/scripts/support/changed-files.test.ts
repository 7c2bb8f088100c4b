import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { listChanged, testsOf } from '../../../scripts/support/changed-files.ts';

t.test('a file’s test is at its path, or at that of the nearest folder', async (t) => {
  for (const [file, test] of [
    ['test/jobs/mail.test.ts', 'test/jobs/mail.test.ts'],
    ['src/queue/claim.ts', 'test/queue/claim.test.ts'],
    ['src/queue/follow.ts', 'test/queue.test.ts'],
    ['scripts/faults/list.ts', 'test/scripts/faults.test.ts'],
    ['test/system/authorization/matrix.ts', 'test/system/authorization.test.ts'],
    ['views/mail/alarm.txt.eta', 'test/views/mail.test.ts'],
    ['views/posts/show.eta', 'test/routes/web/posts.test.ts'],
    ['views/admin/people.eta', 'test/routes/admin/people.test.ts'],
    ['migrations/0001_accounts.ts', 'test/database/schema.test.ts'],
    ['docs/guide.md', 'test/system/documents.test.ts'],
  ] as const) {
    t.same(testsOf([file]), [test], file);
  }
  t.same(testsOf(['LICENSE', 'src/logger.ts', 'test/logger.test.ts']), ['test/logger.test.ts']);
});

t.test('changed and new files are found, deleted ones are not', async (t) => {
  const folder = t.testdir({ changed: 'a', deleted: 'a', same: 'a', '.gitignore': 'ignored' });
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=T', '-c', 'user.email=t@example.com', ...args], { cwd: folder });
  git('init', '--quiet');
  git('add', '.');
  git('commit', '--quiet', '--message=All');
  git('rm', '--quiet', 'deleted');
  for (const name of ['changed', 'new file', 'ignored']) await writeFile(join(folder, name), 'b');
  t.same((await listChanged('HEAD', folder)).sort(), ['changed', 'new file']);
  await t.rejects(listChanged('--gone', folder), {
    exitCode: 2,
    message: 'git cannot list what has changed since "--gone"',
  });
});
