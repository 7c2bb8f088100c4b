import type { InjectOptions } from 'fastify';
import t from 'tap';
import { build } from '../support/build.ts';
import { Client } from '../support/client.ts';
import { createUser, signedInClient } from '../support/factories.ts';
import { writeComments, writePosts } from '../support/writing.ts';

/** Values for parameters in paths and queries. */
const ODD_WORDS = [
  ...['', '0', '1', '-1', '2147483648', '99999999999999999999', 'abc', 'ADMIN', '{}', 'é', '..', '<script>'],
  ...['%00', 'a%00b', '%ff', '%F0%9F%98%80', '%2e%2e%2f', '%0d%0aX: y', "'; drop table users; --"],
  ...['a'.repeat(150), 'a'.repeat(300)],
];

const PATHS_WITH_WORDS = [
  ...[
    '/X',
    '/?page=X',
    '/?before=X',
    '/?after=X',
    '/?X=1&X=2',
    '/archive/X/01',
    '/search?q=X&type=X&page=X',
    '/search?q=from:X+tag:X+before:X',
    '/people?before=X',
    '/archive/2026/X',
    '/post/X',
    '/post/1/X',
    '/post/X/pin',
    '/post/X/delete',
    '/tag/X',
    '/tag/X.atom',
    '/tag/X/follow',
    '/edit/X',
    '/comment/X',
    '/comment/X/reply',
    '/comment/X/edit',
    '/comment/X/delete',
  ],
  ...[
    '/user/X',
    '/user/by-id/X',
    '/people/complete?q=X&post=X',
    '/user/admin?page=X',
    '/edit-profile/X',
    '/follow/X',
    '/unfollow/X',
    '/mute/X',
    '/unblock/X?next=X',
    '/blocks?before=X',
    '/notifications?before=X',
    '/notifications/X',
    '/followers/X',
    '/followed-by/X',
  ],
  ...['/moderate?page=X', '/moderate/enable/X', '/moderate/disable/X', '/moderate/disable/1?page=X'],
  ...[
    '/auth/login?next=X',
    '/auth/login/code?next=X',
    '/auth/confirm/X',
    '/auth/reset/X',
    '/auth/change-email/X',
  ],
  ...[
    '/your-data/X',
    '/unsubscribe/X',
    '/subscribe/X',
    '/user/X/subscribe',
    '/tag/X/subscribe',
    '/admin/jobs/charts?range=X&queue=X',
    '/admin/jobs/X',
    '/admin/jobs/job/X/X',
  ],
  ...['/admin/jobs/job/mail/X', '/admin/jobs/list?queue=X', '/admin/jobs/list?state=X'],
  ...['/admin/jobs/list?text=X', '/admin/jobs/list?from=X&until=X', '/admin/jobs/list?after=X'],
  ...['/admin/jobs/ask?action=X', '/admin/jobs/ask?action=delete&queue=mail&text=X', '/admin/jobs/ask?id=X'],
  ...['/admin/jobs/ask?action=drain&worker=X', '/admin/jobs/ask?action=run-schedule&queue=digest&schedule=X'],
  ...['/admin/people?text=X', '/admin/people?role=X', '/admin/people?state=X', '/admin/people?before=X'],
  ...['/admin/people/X', '/admin/people/X/delete'],
  ...[
    '/dev/mailbox/X',
    '/dev/mailbox/X/html',
    '/avatar/X.svg',
    '/icon/X.svg',
    '/auth/register/X',
    '/moderate/applications/X/approve',
    '/admin/invitations/X/revoke',
    '/admin/settings/X',
    '/avatar/X',
    '/avatar/small/X.webp',
    '/images/X',
    '/images/X/1.webp',
    '/images/aaaaaaaaaaaaaaaaaaaaaa/X.webp',
    '/images/X/delete',
    '/assets/X',
  ],
];

const PATHS = [
  ...[
    '/',
    '/all',
    '/followed',
    '/moderate',
    '/moderate/people/X',
    '/admin/activity/X/undo',
    '/moderate/people/1/lift',
    '/moderate/disable/post/1',
    '/moderate/reports/post/X/close',
    '/report/post/X',
    '/report/person/1',
    '/moderate/people/1',
    '/edit-profile',
    '/edit-profile/1',
    '/post/1',
    '/comment/1/edit',
    '/edit/1',
    '/follow/admin',
    '/like/1',
    '/unlike/X',
    '/bookmark/1',
    '/user/admin/subscribe',
    '/subscribe/X',
  ],
  ...[
    '/edit-profile/mails',
    '/edit-profile/picture',
    '/images',
    '/edit-profile/picture/remove',
    '/moderate/people/X/remove-picture',
    '/your-data',
    '/your-data/cancel',
    '/your-data/import',
    '/your-data/delete',
    '/auth/undo-deletion/X',
    '/admin/jobs',
    '/admin/jobs/do',
    '/admin/jobs/limits',
    '/admin/jobs/limits/remove',
    '/admin/jobs/limits/try',
    '/admin/people/1',
    '/admin/people/1/delete',
    '/admin/settings',
    '/admin/settings/rules',
    '/admin/invitations',
  ],
  ...['/auth/login', '/auth/register', '/auth/confirm', '/auth/unconfirmed'],
  ...['/auth/login/code', '/auth/two-factor/on', '/auth/two-factor/off', '/auth/two-factor/recovery-codes'],
  ...['/auth/login/passkey', '/auth/login/passkey/options', '/auth/login/code/passkey'],
  ...['/auth/passkeys/add', '/auth/passkeys/options', '/auth/passkeys/X'],
  ...['/auth/security', '/auth/sessions/X/end', '/auth/sessions/end-others'],
  ...['/auth/reset', '/auth/change-password', '/auth/change-email'],
];

const ODD_BODIES = [
  ...[
    undefined,
    '',
    '&&&==',
    'body=',
    'body=%00',
    'body=a%00',
    'body=x&body=y',
    `body=${'x'.repeat(60_000)}`,
  ],
  ...['body=%ED%A0%80', 'body=x&version=99999999999', 'body=x&version=999999999', 'body=x&version=-1'],
  ...['body=@admin&parent=1', 'body=x&parent=2147483648', 'body=x&parent=-1'],
  ...[
    'email=%00&password=%00',
    'email[]=x',
    'email=a@b.co&username=x%00&password=12345678&password2=12345678',
  ],
  ...['name=%00&location=%00&about_me=%00', `name=${'x'.repeat(70)}&location=&about_me=`],
  ...['email=a%40b.co&username=zz&role=King&name=&location=&about_me='],
  ...['password=correct+horse&code=1', `password=x&code=${'1'.repeat(64)}&secret=${'A'.repeat(32)}`],
  ...['credential=%7B%22id%22%3A1%7D&name=x', 'credential=null&name=%00'],
  ...['old_password=x&password=%00aaaaaaa&password2=%00aaaaaaa'],
];

t.test('no request causes a server error', async (t) => {
  const app = await build(t, { RATE_LIMITS: 'off', SMTP_URL: undefined, DATA_DIR: t.testdir() });
  const admin = await createUser(app, { username: 'admin', role: 'Administrator' });
  const newcomer = await createUser(app, { username: 'newcomer', isConfirmed: false });
  const [postId = 0] = await writePosts(app, admin, 2);
  await writeComments(app, admin, postId, 2);
  const visitors = {
    nobody: new Client(app),
    newcomer: await signedInClient(app, newcomer),
    admin: await signedInClient(app, admin),
  };

  for (const [name, client] of Object.entries(visitors)) {
    const faults: string[] = [];
    const send = async (method: NonNullable<InjectOptions['method']>, url: string, payload?: string) => {
      const { statusCode } = await client.get(url, {
        method,
        ...(payload !== undefined && {
          payload,
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
        }),
      });
      if (statusCode >= 500) faults.push(`${method} ${url} ${payload?.slice(0, 50)}: ${statusCode}`);
    };
    for (const path of PATHS_WITH_WORDS) {
      for (const word of ODD_WORDS) {
        const url = path.replaceAll('X', word.includes('%') ? word : encodeURI(word));
        for (const method of ['GET', 'POST'] as const) await send(method, url);
      }
      await send('HEAD', path); // The same handler as for GET.
    }
    for (const path of PATHS) {
      for (const body of ODD_BODIES) await send('POST', path, body);
      for (const method of ['HEAD', 'OPTIONS', 'PUT', 'PATCH', 'DELETE'] as const) await send(method, path);
    }
    t.same(faults, [], name);
  }
});
