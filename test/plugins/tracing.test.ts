import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import t from 'tap';
import { build } from '../support/build.ts';
import { Client } from '../support/client.ts';
import { createDatabase } from '../support/database.ts';
import { registration } from '../support/factories.ts';
import { drain } from '../support/jobs.ts';
import { catchMail } from '../support/smtp.ts';

interface ReceivedSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
}

interface Export {
  readonly resourceSpans: readonly { readonly scopeSpans: readonly { readonly spans: ReceivedSpan[] }[] }[];
}

/** An OpenTelemetry collector. */
async function collector(t: Parameters<typeof build>[0]) {
  const spans: ReceivedSpan[] = [];
  const server = createServer(async (request, response) => {
    const body = (await json(request)) as Export;
    spans.push(...body.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)));
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => new Promise((resolve) => server.close(resolve)));
  return { spans, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

t.test('a trace follows the request through the job to the mail server, across two processes', async (t) => {
  const { spans, url } = await collector(t);
  const smtp = await catchMail(t);
  const env = {
    DATABASE_URL: await createDatabase(t),
    SMTP_URL: smtp.url,
    OTEL_EXPORTER_OTLP_ENDPOINT: url,
  };
  const web = await build(t, env);
  const worker = await build(t, env);
  await new Client(web).post('/auth/register', registration());
  await drain(worker);
  await web.close();
  await worker.close();

  const byName = (name: string) => spans.find((span) => span.name === name);
  const request = byName('POST /auth/register');
  const job = byName('job mail');
  const mail = byName('SMTP send');
  t.equal(job?.traceId, request?.traceId);
  t.equal(job?.parentSpanId, request?.spanId);
  t.equal(mail?.traceId, request?.traceId);
  t.equal(mail?.parentSpanId, job?.spanId);
});

t.test('a request continues the trace of its traceparent', async (t) => {
  const { spans, url } = await collector(t);
  const app = await build(t, { OTEL_EXPORTER_OTLP_ENDPOINT: url });
  const [traceId, parentId] = ['4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7'];
  await app.inject({ url: '/health/live', headers: { traceparent: `00-${traceId}-${parentId}-01` } });
  await app.inject({ url: '/robots.txt', headers: { traceparent: `00-${'0'.repeat(32)}-${parentId}-01` } });
  await app.inject({ url: '/auth/login', headers: { traceparent: 'nonsense' } });
  await app.close();

  const byName = (name: string) => spans.find((span) => span.name === name);
  t.match(byName('GET /health/live'), { traceId, parentSpanId: parentId });
  for (const name of ['GET /robots.txt', 'GET /auth/login']) {
    t.match(byName(name)?.traceId, /^[0-9a-f]{32}$/, name);
    t.not(byName(name)?.traceId, '0'.repeat(32));
    t.notOk(byName(name)?.parentSpanId, 'an invalid trace starts a new one');
  }
});

t.test('without an endpoint nothing is loaded or propagated', async (t) => {
  const app = await build(t);
  t.equal(app.tracing.traceparent(), undefined);
  t.equal(await app.tracing.span({ name: 'x', kind: 'client' }, async () => 7), 7);
});
