/** The people who send requests. Everything requested belongs to the owner; the user is an ordinary one too. */
export const PEOPLE = ['anonymous', 'unconfirmed', 'user', 'owner', 'moderator', 'administrator'] as const;

/** Roles that differ from an ordinary user in the job dashboard alone. */
export const STAFF = ['viewer', 'operator'] as const;

export type Person = (typeof PEOPLE)[number] | (typeof STAFF)[number];

/** A route and the outcome for each of PEOPLE. */
export interface Row {
  /** Method and pattern, as registered. */
  readonly route: string;
  readonly outcomes: Readonly<Record<(typeof PEOPLE)[number], string>>;
  /** The table that an `ok` changes; undefined for routes that only read. */
  readonly changes: string | undefined;
}

/**
 * Every route, with the outcome of a valid request for each person. A single outcome applies to everyone.
 *
 * - `ok`: the page is shown, or the action done
 * - `home`: redirected to the home page
 * - `redirect`: 302 to another page
 * - `nothing`: a success without effect
 * - `log in`, `confirm`: redirected to do that first
 * - `forbidden`, `missing`: 403 and 404
 * - `422`: nobody, because the form needs a device's answer to a challenge of the session
 */
export const MATRIX: readonly Row[] = rows(`
                                           anonymous  unconfirmed  user       owner      moderator  administrator

  GET /assets/:name                        ok
  GET /favicon.ico                         ok
  GET /icon/:colour([a-z]+).svg            ok
  GET /site.webmanifest                    ok
  GET /avatar/:seed([0-9a-f-]{36}).svg     ok
  GET /avatar/:size(small|large)/:hash([\\w-]{43}).webp  ok
  GET /robots.txt                          ok
  GET /.well-known/security.txt            ok
  GET /sitemap.xml                         ok
  GET /sitemap/posts/:number(^\\d{1,5}).xml   ok
  GET /sitemap/people/:number(^\\d{1,5}).xml  ok
  GET /feed.atom                           ok
  GET /feed.json                           ok
  GET /post/:id/feed.atom                  ok
  GET /post/:id/feed.json                  ok
  GET /tag/:tag([^.]+).atom                ok
  GET /tag/:tag([^.]+).json                ok
  GET /user/:username/feed.atom            ok
  GET /user/:username/feed.json            ok
  GET /health/live                         ok
  GET /health/ready                        ok
  GET /health/serving                      ok

  POST /bounces/:key                       ok                                                                     users

  GET /health                              ok
  GET /metrics                             ok
  GET /dev/mailbox                         ok
  GET /dev/mailbox/:id                     ok
  GET /dev/mailbox/:id/html                ok
  GET /dev/styleguide                      ok

  GET /auth/register                       ok
  POST /auth/register                      ok                                                                     users
  GET /auth/register/:invitation           ok
  POST /auth/register/:invitation          ok                                                                     users
  GET /auth/login                          ok
  POST /auth/login                         ok                                                                     sessions
  GET /auth/login/code                     log in
  POST /auth/login/code                    log in                                                                 sessions
  POST /auth/login/passkey/options         ok                                                                     passkey_challenges
  POST /auth/login/passkey                 422                                                                    sessions
  POST /auth/login/code/passkey            log in                                                                 sessions
  POST /auth/logout                        log in     ok           ok         ok         ok         ok            sessions
  GET /auth/unconfirmed                    log in     ok           home       home       home       home
  POST /auth/unconfirmed                   log in     ok           nothing    nothing    nothing    nothing       pgboss.job
  POST /auth/confirm                       log in     ok           nothing    nothing    nothing    nothing       pgboss.job
  GET /auth/confirm/:token                 ok         ok           home       home       home       home
  POST /auth/confirm/:token                ok                                                                     users
  GET /auth/reset                          ok
  POST /auth/reset                         ok                                                                     pgboss.job
  GET /auth/reset/:token                   ok
  POST /auth/reset/:token                  ok                                                                     users
  GET /auth/change-email                   log in     ok           ok         ok         ok         ok
  POST /auth/change-email                  log in     ok           ok         ok         ok         ok            pgboss.job
  GET /auth/change-email/:token            ok
  POST /auth/change-email/:token           ok                                                                     users
  GET /auth/change-password                log in     ok           ok         ok         ok         ok
  POST /auth/change-password               log in     ok           ok         ok         ok         ok            users
  GET /auth/undo-deletion/:token           ok
  POST /auth/undo-deletion/:token          ok                                                                     users
  GET /auth/undo-email-change/:token       ok
  POST /auth/undo-email-change/:token      ok                                                                     users
  POST /auth/bounced                       log in     ok           ok         ok         ok         ok            users
  GET /auth/verify                         log in     ok           ok         ok         ok         ok
  GET /auth/security                       log in     confirm      ok         ok         ok         ok
  POST /auth/sessions/:id/end              log in     confirm      ok         ok         ok         ok            sessions
  POST /auth/sessions/end-others           log in     confirm      ok         ok         ok         ok            sessions
  GET /auth/two-factor/on                  log in     confirm      ok         ok         ok         ok
  POST /auth/two-factor/on                 log in     confirm      ok         ok         ok         ok            users
  GET /auth/two-factor/recovery-codes      log in     confirm      ok         ok         ok         ok
  POST /auth/two-factor/recovery-codes     log in     confirm      ok         ok         ok         ok            recovery_codes
  GET /auth/two-factor/off                 log in     confirm      ok         ok         ok         ok
  POST /auth/two-factor/off                log in     confirm      ok         ok         ok         ok            users
  GET /auth/passkeys/add                   log in     confirm      ok         ok         ok         ok
  POST /auth/passkeys/options              log in     confirm      ok         ok         ok         ok            passkey_challenges
  POST /auth/passkeys/add                  log in     confirm      422        422        422        422           passkeys
  GET /auth/passkeys/:id                   log in     confirm      ok         ok         ok         ok
  POST /auth/passkeys/:id                  log in     confirm      ok         ok         ok         ok            passkeys
  POST /auth/verify                        log in     ok           ok         ok         ok         ok            sessions
  GET /auth/activity                       log in     confirm      ok         ok         ok         ok

  GET /                                    ok         ok           ok         ok         ok         ok
  POST /                                   log in     confirm      ok         ok         ok         ok            posts
  GET /write                               log in     confirm      ok         ok         ok         ok
  POST /write                              log in     confirm      ok         ok         ok         ok            posts
  GET /drafts                              log in     confirm      ok         ok         ok         ok
  POST /drafts                             log in     confirm      ok         ok         ok         ok            drafts
  GET /drafts/:id                          log in     confirm      missing    ok         missing    missing
  POST /drafts/schedule                    log in     confirm      ok         ok         ok         ok            drafts
  POST /drafts/:id/unschedule              log in     confirm      nothing    ok         nothing    nothing       drafts
  POST /drafts/:id/delete                  log in     confirm      nothing    ok         nothing    nothing       drafts
  GET /about                               ok
  GET /rules                               ok
  GET /privacy                             ok
  GET /imprint                             ok
  GET /archive                             ok
  GET /archive/:year(^\\d{4})/:month(^\\d{2})  ok
  GET /explore                             ok
  GET /people                              ok
  GET /people/active                       ok
  GET /people/recent                       ok
  GET /search                              ok
  GET /all                                 home       home         home       home       home       home
  GET /followed                            log in     confirm      home       home       home       home
  GET /post/:id                            ok         ok           ok         ok         ok         ok
  GET /post/:id/:slug                      ok         ok           ok         ok         ok         ok
  POST /post/:id                           log in     confirm      ok         ok         ok         ok            comments
  GET /edit/:id                            log in     confirm      forbidden  ok         forbidden  ok
  POST /edit/:id                           log in     confirm      forbidden  ok         forbidden  ok            posts
  POST /post/:id/delete                    log in     confirm      forbidden  ok         forbidden  ok            posts
  GET /tag/:tag                            ok         ok           ok         ok         ok         ok
  GET /followed-tags                       log in     confirm      ok         ok         ok         ok
  POST /tag/:tag/follow                    log in     confirm      ok         ok         ok         ok            tag_follows
  POST /tag/:tag/unfollow                  log in     confirm      ok         ok         ok         ok            tag_follows
  POST /post/:id/pin                       log in     confirm      forbidden  ok         forbidden  forbidden     users
  POST /post/:id/unpin                     log in     confirm      nothing    ok         nothing    nothing       users
  GET /comment/:id                         redirect
  GET /comment/:id/whole                   ok         ok           ok         ok         ok         ok
  GET /comment/:id/reply                   log in     confirm      ok         ok         ok         ok
  GET /comment/:id/edit                    log in     confirm      forbidden  ok         forbidden  ok
  GET /history/:id                         ok         ok           ok         ok         ok         ok
  GET /history/:id/:version                ok         ok           ok         ok         ok         ok
  POST /history/:id/:version/delete        log in     confirm      forbidden  ok         ok         ok            post_versions
  POST /comment/:id/edit                   log in     confirm      forbidden  ok         forbidden  ok            comments
  POST /comment/:id/delete                 log in     confirm      forbidden  ok         forbidden  ok            comments
  GET /user/:username                      ok         ok           ok         ok         ok         ok
  GET /user/by-id/:id                      redirect
  GET /people/complete                     log in     confirm      ok         ok         ok         ok
  GET /followers/:username                 ok         ok           ok         ok         ok         ok
  GET /followed-by/:username               ok         ok           ok         ok         ok         ok
  POST /follow/:username                   log in     confirm      ok         ok         ok         ok            follows
  POST /unfollow/:username                 log in     confirm      ok         ok         ok         ok            follows
  GET /likes/:id                           ok         ok           ok         ok         ok         ok
  POST /like/:id                           log in     confirm      ok         forbidden  ok         ok            likes
  POST /unlike/:id                         log in     confirm      ok         nothing    ok         ok            likes
  GET /bookmarks                           log in     confirm      ok         ok         ok         ok
  POST /bookmark/:id                       log in     confirm      ok         ok         ok         ok            bookmarks
  POST /unbookmark/:id                     log in     confirm      ok         ok         ok         ok            bookmarks
  GET /blocks                              log in     confirm      ok         ok         ok         ok
  POST /mute/:username                     log in     confirm      ok         ok         ok         ok            blocks
  POST /unmute/:username                   log in     confirm      ok         ok         ok         ok            blocks
  POST /block/:username                    log in     confirm      ok         ok         ok         ok            blocks
  POST /unblock/:username                  log in     confirm      ok         ok         ok         ok            blocks
  GET /edit-profile                        log in     confirm      ok         ok         ok         ok
  POST /edit-profile                       log in     confirm      ok         ok         ok         ok            users
  GET /edit-profile/mails                  log in     confirm      ok         ok         ok         ok
  POST /edit-profile/mails                 log in     confirm      ok         ok         ok         ok            users
  GET /edit-profile/picture                log in     confirm      ok         ok         ok         ok
  POST /edit-profile/picture               log in     confirm      ok         ok         ok         ok            picture_uploads
  POST /edit-profile/picture/remove        log in     confirm      ok         ok         ok         ok            users
  GET /images                              log in     confirm      ok         ok         ok         ok
  POST /images                             log in     confirm      ok         ok         ok         ok            images
  GET /images/:key([\\w-]{22})           redirect
  GET /images/:key([\\w-]{22})/:width(^\\d{1,4}).webp  missing  missing  missing  ok  ok  ok
  POST /images/:key([\\w-]{22})/delete   log in     confirm      missing    ok         missing    missing       images
  GET /edit-profile/:id                    log in     confirm      forbidden  forbidden  forbidden  ok
  POST /edit-profile/:id                   log in     confirm      forbidden  forbidden  forbidden  ok            users
  GET /notifications                       log in     confirm      ok         ok         ok         ok
  GET /notifications/events                204
  GET /notifications/:id                   log in     confirm      missing    ok         missing    missing       notifications
  POST /notifications/read                 log in     confirm      nothing    ok         nothing    nothing       notifications
  GET /your-data                           log in     confirm      ok         ok         ok         ok
  POST /your-data                          log in     confirm      ok         ok         ok         ok            data_exports
  GET /your-data/delete                    log in     confirm      ok         ok         ok         ok
  POST /your-data/delete                   log in     confirm      ok         ok         ok         ok            users
  POST /your-data/import                   log in     confirm      ok         ok         ok         ok            data_imports
  POST /your-data/cancel                   log in     confirm      nothing    ok         nothing    nothing       data_exports
  GET /your-data/download                  log in     confirm      missing    ok         missing    missing
  GET /your-data/:token                    ok         ok           ok         ok         ok         ok
  GET /api-tokens                          log in     confirm      ok         ok         ok         ok
  POST /api-tokens                         log in     confirm      ok         ok         ok         ok            api_tokens
  POST /api-tokens/:id/revoke              log in     confirm      nothing    ok         nothing    nothing       api_tokens
  POST /api-tokens/revoke-unnamed          log in     confirm      nothing    ok         nothing    nothing       api_tokens
  GET /subscribe                           ok
  GET /tag/:tag/subscribe                  ok
  GET /user/:username/subscribe            ok
  POST /user/:username/subscribe           ok                                                                     subscriptions
  GET /subscribe/:token                    ok
  POST /subscribe/:token                   ok                                                                     subscriptions
  GET /unsubscribe/:token                  ok
  POST /unsubscribe/:token                 ok                                                                     users

  GET /moderate                            log in     confirm      forbidden  forbidden  ok         ok
  GET /report/post/:id                     log in     confirm      ok         ok         ok         ok
  POST /report/post/:id                    log in     confirm      ok         ok         ok         ok            reports
  GET /report/comment/:id                  log in     confirm      ok         ok         ok         ok
  POST /report/comment/:id                 log in     confirm      ok         ok         ok         ok            reports
  GET /report/person/:id                   log in     confirm      ok         ok         ok         ok
  POST /report/person/:id                  log in     confirm      ok         ok         ok         ok            reports
  GET /moderate/reports                    log in     confirm      forbidden  forbidden  ok         ok
  POST /moderate/reports/post/:id/close    log in     confirm      forbidden  forbidden  ok         ok            reports
  POST /moderate/reports/comment/:id/close  log in     confirm      forbidden  forbidden  ok         ok            reports
  POST /moderate/reports/person/:id/close  log in     confirm      forbidden  forbidden  ok         ok            reports
  GET /moderate/applications               log in     confirm      forbidden  forbidden  ok         ok
  POST /moderate/applications/:id/approve  log in     confirm      forbidden  forbidden  ok         ok            users
  POST /moderate/applications/:id/decline  log in     confirm      forbidden  forbidden  ok         ok            applications
  GET /moderate/people/:id                 log in     confirm      forbidden  forbidden  ok         ok
  POST /moderate/people/:id                log in     confirm      forbidden  forbidden  ok         ok            users
  POST /moderate/people/:id/lift           log in     confirm      forbidden  forbidden  ok         ok            security_events
  POST /moderate/people/:id/hide-texts     log in     confirm      forbidden  forbidden  ok         ok            pgboss.job
  POST /moderate/people/:id/show-texts     log in     confirm      forbidden  forbidden  ok         ok            pgboss.job
  POST /moderate/people/:id/remove-picture  log in    confirm      forbidden  forbidden  ok         ok            users
  POST /moderate/enable/post/:id           log in     confirm      forbidden  forbidden  ok         ok            posts
  POST /moderate/disable/post/:id          log in     confirm      forbidden  forbidden  ok         ok            posts
  POST /moderate/enable/:id                log in     confirm      forbidden  forbidden  ok         ok            comments
  POST /moderate/disable/:id               log in     confirm      forbidden  forbidden  ok         ok            comments
  GET /admin/activity                      log in     confirm      forbidden  forbidden  forbidden  ok
  GET /admin/people                        log in     confirm      forbidden  forbidden  forbidden  ok
  GET /admin/people/:id                    log in     confirm      forbidden  forbidden  forbidden  ok
  POST /admin/people/:id                   log in     confirm      forbidden  forbidden  forbidden  ok            security_events
  GET /admin/people/:id/mails              log in     confirm      forbidden  forbidden  forbidden  ok
  GET /admin/people/:id/delete             log in     confirm      forbidden  forbidden  forbidden  ok
  POST /admin/people/:id/delete            log in     confirm      forbidden  forbidden  forbidden  ok            users
  POST /admin/activity/:id/undo            log in     confirm      forbidden  forbidden  forbidden  ok            posts
  GET /admin/invitations                   log in     confirm      forbidden  forbidden  forbidden  ok
  POST /admin/invitations                  log in     confirm      forbidden  forbidden  forbidden  ok            invitations
  POST /admin/invitations/:id/revoke       log in     confirm      forbidden  forbidden  forbidden  ok            invitations
  GET /admin/settings                      log in     confirm      forbidden  forbidden  forbidden  ok
  POST /admin/settings                     log in     confirm      forbidden  forbidden  forbidden  ok            site_settings
  GET /admin/settings/:page                log in     confirm      forbidden  forbidden  forbidden  ok
  POST /admin/settings/:page               log in     confirm      forbidden  forbidden  forbidden  ok            site_pages
  GET /admin/jobs                          log in     confirm      forbidden  forbidden  forbidden  ok
  GET /admin/jobs/charts                   log in     confirm      forbidden  forbidden  forbidden  ok
  GET /admin/jobs/list                     log in     confirm      forbidden  forbidden  forbidden  ok
  GET /admin/jobs/events                   log in     confirm      forbidden  forbidden  forbidden  204
  GET /admin/jobs/job/:queue/:id           log in     confirm      forbidden  forbidden  forbidden  ok
  GET /admin/jobs/schedules                log in     confirm      forbidden  forbidden  forbidden  ok
  GET /admin/jobs/limits                   log in     confirm      forbidden  forbidden  forbidden  ok
  POST /admin/jobs/limits                  log in     confirm      forbidden  forbidden  forbidden  ok            job_limits
  POST /admin/jobs/limits/remove           log in     confirm      forbidden  forbidden  forbidden  ok            job_limits
  POST /admin/jobs/limits/try              log in     confirm      forbidden  forbidden  forbidden  ok            queue_breakers
  GET /admin/jobs/audit                    log in     confirm      forbidden  forbidden  forbidden  ok
  GET /admin/jobs/ask                      log in     confirm      forbidden  forbidden  forbidden  ok
  POST /admin/jobs/do                      log in     confirm      forbidden  forbidden  forbidden  ok            paused_queues

  GET /api/v1/docs                         ok
  GET /api/v1/openapi.json                 ok
  POST /api/v1/tokens/                     log in     confirm      ok         ok         ok         ok            api_tokens
  GET /api/v1/me                           log in     confirm      ok         ok         ok         ok
  GET /api/v1/posts/                       log in     confirm      ok         ok         ok         ok
  POST /api/v1/posts/                      log in     confirm      ok         ok         ok         ok            posts
  GET /api/v1/posts/:id                    log in     confirm      ok         ok         ok         ok
  PUT /api/v1/posts/:id                    log in     confirm      forbidden  ok         forbidden  ok            posts
  DELETE /api/v1/posts/:id                 log in     confirm      forbidden  ok         forbidden  ok            posts
  GET /api/v1/drafts/                      log in     confirm      ok         ok         ok         ok
  POST /api/v1/drafts/                     log in     confirm      ok         ok         ok         ok            drafts
  GET /api/v1/drafts/:id                   log in     confirm      missing    ok         missing    missing
  PUT /api/v1/drafts/:id                   log in     confirm      missing    ok         missing    missing       drafts
  DELETE /api/v1/drafts/:id                log in     confirm      nothing    ok         nothing    nothing       drafts
  POST /api/v1/drafts/:id/publish          log in     confirm      missing    ok         missing    missing       posts
  PUT /api/v1/drafts/:id/schedule          log in     confirm      missing    ok         missing    missing       drafts
  DELETE /api/v1/drafts/:id/schedule       log in     confirm      nothing    ok         nothing    nothing       drafts
  PUT /api/v1/posts/:id/pin                log in     confirm      forbidden  ok         forbidden  forbidden     users
  DELETE /api/v1/posts/:id/pin             log in     confirm      nothing    ok         nothing    nothing       users
  GET /api/v1/posts/:id/versions/          log in     confirm      ok         ok         ok         ok
  GET /api/v1/posts/:id/versions/:number   log in     confirm      ok         ok         ok         ok
  DELETE /api/v1/posts/:id/versions/:number  log in   confirm      forbidden  ok         ok         ok            post_versions
  GET /api/v1/posts/:id/likes/             log in     confirm      ok         ok         ok         ok
  PUT /api/v1/posts/:id/report             log in     confirm      ok         ok         ok         ok            reports
  PUT /api/v1/comments/:id/report          log in     confirm      ok         ok         ok         ok            reports
  PUT /api/v1/users/:id/report             log in     confirm      ok         ok         ok         ok            reports
  PUT /api/v1/posts/:id/like               log in     confirm      ok         forbidden  ok         ok            likes
  DELETE /api/v1/posts/:id/like            log in     confirm      ok         nothing    ok         ok            likes
  PUT /api/v1/posts/:id/bookmark           log in     confirm      ok         ok         ok         ok            bookmarks
  DELETE /api/v1/posts/:id/bookmark        log in     confirm      ok         ok         ok         ok            bookmarks
  GET /api/v1/bookmarks/                   log in     confirm      ok         ok         ok         ok
  GET /api/v1/posts/:id/comments/          log in     confirm      ok         ok         ok         ok
  POST /api/v1/posts/:id/comments/         log in     confirm      ok         ok         ok         ok            comments
  GET /api/v1/comments/                    log in     confirm      ok         ok         ok         ok
  GET /api/v1/comments/:id                 log in     confirm      ok         ok         ok         ok
  PUT /api/v1/comments/:id                 log in     confirm      forbidden  ok         forbidden  ok            comments
  DELETE /api/v1/comments/:id              log in     confirm      forbidden  ok         forbidden  ok            comments
  GET /api/v1/search                       log in     confirm      ok         ok         ok         ok
  GET /api/v1/tags/:tag/posts/             log in     confirm      ok         ok         ok         ok
  GET /api/v1/followed-tags/               log in     confirm      ok         ok         ok         ok
  PUT /api/v1/tags/:tag/follow             log in     confirm      ok         ok         ok         ok            tag_follows
  DELETE /api/v1/tags/:tag/follow          log in     confirm      ok         ok         ok         ok            tag_follows
  GET /api/v1/notifications/               log in     confirm      ok         ok         ok         ok
  POST /api/v1/notifications/read          log in     confirm      nothing    ok         nothing    nothing       notifications
  GET /api/v1/images/                      log in     confirm      ok         ok         ok         ok
  POST /api/v1/images/                     log in     confirm      ok         ok         ok         ok            images
  GET /api/v1/images/:key                  log in     confirm      missing    ok         missing    missing
  DELETE /api/v1/images/:key               log in     confirm      missing    ok         missing    missing       images
  GET /api/v1/users/:id                    log in     confirm      ok         ok         ok         ok
  GET /api/v1/users/by-username/:username  log in     confirm      ok         ok         ok         ok
  GET /api/v1/users/:id/followers/         log in     confirm      ok         ok         ok         ok
  GET /api/v1/users/:id/followed/          log in     confirm      ok         ok         ok         ok
  PUT /api/v1/users/:id/follow             log in     confirm      ok         ok         ok         ok            follows
  DELETE /api/v1/users/:id/follow          log in     confirm      ok         ok         ok         ok            follows
  GET /api/v1/blocks/                      log in     confirm      ok         ok         ok         ok
  PUT /api/v1/users/:id/mute               log in     confirm      ok         ok         ok         ok            blocks
  DELETE /api/v1/users/:id/mute            log in     confirm      ok         ok         ok         ok            blocks
  PUT /api/v1/users/:id/block              log in     confirm      ok         ok         ok         ok            blocks
  DELETE /api/v1/users/:id/block           log in     confirm      ok         ok         ok         ok            blocks
  GET /api/v1/users/:id/posts/             log in     confirm      ok         ok         ok         ok
  GET /api/v1/users/:id/timeline/          log in     confirm      forbidden  ok         forbidden  forbidden
`);

/** The outcomes for STAFF, of the job dashboard and of some pages that are not for them. */
export const STAFF_MATRIX: Readonly<Record<string, Readonly<Record<(typeof STAFF)[number], string>>>> = {
  'GET /admin/jobs': { viewer: 'ok', operator: 'ok' },
  'GET /admin/jobs/charts': { viewer: 'ok', operator: 'ok' },
  'GET /admin/jobs/list': { viewer: 'ok', operator: 'ok' },
  'GET /admin/jobs/events': { viewer: '204', operator: '204' },
  'GET /admin/jobs/job/:queue/:id': { viewer: 'ok', operator: 'ok' },
  'GET /admin/jobs/schedules': { viewer: 'ok', operator: 'ok' },
  'GET /admin/jobs/limits': { viewer: 'ok', operator: 'ok' },
  'POST /admin/jobs/limits': { viewer: 'forbidden', operator: 'ok' },
  'POST /admin/jobs/limits/remove': { viewer: 'forbidden', operator: 'ok' },
  'POST /admin/jobs/limits/try': { viewer: 'forbidden', operator: 'ok' },
  'GET /admin/jobs/audit': { viewer: 'ok', operator: 'ok' },
  'GET /admin/jobs/ask': { viewer: 'forbidden', operator: 'ok' },
  'POST /admin/jobs/do': { viewer: 'forbidden', operator: 'ok' },
  'GET /admin/people': { viewer: 'forbidden', operator: 'forbidden' },
  'POST /admin/settings': { viewer: 'forbidden', operator: 'forbidden' },
  'GET /edit-profile/:id': { viewer: 'forbidden', operator: 'forbidden' },
  'GET /moderate': { viewer: 'forbidden', operator: 'forbidden' },
};

/** Columns are separated by at least two spaces. */
function rows(table: string): Row[] {
  const [, ...lines] = table.split('\n').filter((line) => line.trim() !== '');
  return lines.map((line) => {
    const [route = '', ...words] = line.trim().split(/ {2,}/);
    const isReading = route.startsWith('GET ') && words.length <= PEOPLE.length;
    const changes = isReading ? undefined : words.pop();
    const each = words.length === 1 ? PEOPLE.map(() => words[0]) : words;
    if (each.length !== PEOPLE.length) throw new Error(`This row is not complete: ${line}`);
    const [anonymous = '', unconfirmed = '', user = '', owner = '', moderator = '', administrator = ''] =
      each;
    return { route, outcomes: { anonymous, unconfirmed, user, owner, moderator, administrator }, changes };
  });
}
