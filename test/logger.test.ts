import t from 'tap';
import { loggablePath, loggerOptions } from '../src/logger.ts';
import { build } from './support/build.ts';
import { Client, errorsOf } from './support/client.ts';
import { PASSWORD, registration } from './support/factories.ts';
import { drain } from './support/jobs.ts';
import { captureLog } from './support/log.ts';
import { catchMail } from './support/smtp.ts';

t.test('logged paths have no query and nothing long enough to be a token', async (t) => {
  const token = 'x'.repeat(43);
  t.equal(loggablePath(`/auth/confirm/${token}`), '/auth/confirm/[redacted]');
  t.equal(loggablePath(`/auht/confrim/${token}/?again=${token}`), '/auht/confrim/[redacted]/');
  t.equal(loggablePath('/auth/login?next=/secret'), '/auth/login');
  t.equal(loggablePath('/post/12'), '/post/12');
});

t.test('a command logs to stderr, because its output is on stdout', async (t) => {
  const streamOf = (output: typeof process.stdout | typeof process.stderr) =>
    Object(loggerOptions({ logLevel: 'info' }, output)).stream;
  t.equal(streamOf(process.stderr), process.stderr);
  t.equal(streamOf(process.stdout), undefined, 'pino writes to stdout by default');
});

t.test('no password, token or cookie is ever logged', async (t) => {
  const { logger, text } = captureLog();
  const app = await build(t, {}, { logger });
  const client = new Client(app);

  await client.post('/auth/register', registration());
  t.same(
    errorsOf(await client.post('/auth/login', { email: 'john@example.com', password: 'a wrong guess' })),
    {
      password: 'Invalid email or password.',
    },
  );
  await client.post('/auth/login', { email: 'john@example.com', password: PASSWORD });
  await client.get(`/auth/confirm/${'t'.repeat(43)}`);

  const log = text();
  t.match(log, '/auth/login');
  for (const secret of [PASSWORD, 'a wrong guess', 'ttttt', ...client.cookies.values(), 'argon2id']) {
    t.notOk(log.includes(secret), 'the log does not hold a secret');
  }
});

t.test('a request, its job and its mail have one line each, and the same id', async (t) => {
  const { logger, lines } = captureLog();
  const smtp = await catchMail(t);
  const app = await build(t, { SMTP_URL: smtp.url }, { logger });
  await new Client(app).post('/auth/register', registration());
  await drain(app);
  const requestId = smtp.mails[0]?.headers.get('x-request-id');
  t.match(requestId, /^[0-9a-f-]{36}$/);
  const caused = lines().filter((line) => line.requestId === requestId && Number(line.level) >= 30);
  t.equal(caused.length, 2);
  t.match(caused, [
    {
      msg: 'request completed',
      req: { method: 'POST', url: '/auth/register' },
      res: { statusCode: 303 },
      responseTime: Number,
    },
    { msg: 'job completed', queue: 'mail', attempt: 1, durationMs: Number },
  ]);
});
