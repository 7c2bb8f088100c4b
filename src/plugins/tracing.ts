import {
  type Attributes,
  type Context,
  defaultTextMapGetter,
  defaultTextMapSetter,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type TextMapPropagator,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';

declare module 'fastify' {
  interface FastifyInstance {
    tracing: Tracing;
  }
}

export interface Tracing {
  /**
   * Runs a function as a span of the current request's or job's trace, or of the trace of `parent`. Without
   * `OTEL_EXPORTER_OTLP_ENDPOINT`, just runs it.
   */
  span<T>(options: SpanOptions, run: () => Promise<T>): Promise<T>;
  /** The current span in W3C Trace Context format, to pass to another process. Undefined without tracing. */
  traceparent(): string | undefined;
}

export interface SpanOptions {
  readonly name: string;
  readonly kind: 'consumer' | 'client';
  readonly attributes?: Attributes;
  /** A `traceparent` from another process. */
  readonly parent?: string | undefined;
}

const KINDS = { consumer: SpanKind.CONSUMER, client: SpanKind.CLIENT };

/** Provides `app.tracing`. Loads OpenTelemetry only if it is configured, and avoids its globals, which two apps would share. */
export default fp(
  async (app) => {
    const { otlpEndpoint } = app.config;
    if (otlpEndpoint === undefined) {
      app.decorate('tracing', { span: (_options, run) => run(), traceparent: () => undefined });
      return;
    }
    const { W3CTraceContextPropagator } = await import('@opentelemetry/core');
    const propagator = new W3CTraceContextPropagator();
    const provider = await createProvider(otlpEndpoint, `pennypost-${app.role}`);
    const tracer = provider.getTracer('pennypost');
    app.decorate('tracing', createTracing(tracer, propagator, app.work));
    app.addHook('onClose', () => provider.shutdown());

    const spans = new WeakMap<FastifyRequest, Span>();
    app.addHook('onRequest', (request, _reply, done) => {
      const work = app.work.getStore();
      const route = request.routeOptions.url ?? '(no route)';
      const span = tracer.startSpan(
        `${request.method} ${route}`,
        {
          kind: SpanKind.SERVER,
          attributes: { 'http.request.method': request.method, 'http.route': route },
        },
        propagator.extract(ROOT_CONTEXT, request.headers, defaultTextMapGetter),
      );
      spans.set(request, span);
      app.work.run({ label: '', ...work, span }, done);
    });
    app.addHook('onResponse', async (request, reply) => {
      const span = spans.get(request);
      span?.setAttribute('http.response.status_code', reply.statusCode);
      if (reply.statusCode >= 500) span?.setStatus({ code: SpanStatusCode.ERROR });
      span?.end();
    });
  },
  { name: 'tracing', dependencies: ['work'], decorators: { fastify: ['config', 'role'] } },
);

async function createProvider(endpoint: string, serviceName: string) {
  const [{ TracerProvider, BatchSpanProcessor }, { OTLPTraceExporter }, { resourceFromAttributes }] =
    await Promise.all([
      import('@opentelemetry/sdk-trace'),
      import('@opentelemetry/exporter-trace-otlp-http'),
      import('@opentelemetry/resources'),
    ]);
  const exporter = new OTLPTraceExporter({ url: `${endpoint.replace(/\/+$/, '')}/v1/traces` });
  return new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': serviceName }),
    spanProcessors: [new BatchSpanProcessor({ exporter })],
  });
}

function createTracing(
  tracer: Tracer,
  propagator: TextMapPropagator,
  work: FastifyInstance['work'],
): Tracing {
  return {
    async span({ name, kind, attributes = {}, parent }, run) {
      const current = work.getStore();
      const context =
        parent === undefined
          ? contextOf(current?.span)
          : propagator.extract(ROOT_CONTEXT, { traceparent: parent }, defaultTextMapGetter);
      const span = tracer.startSpan(name, { kind: KINDS[kind], attributes }, context);
      try {
        return await work.run({ label: name, ...current, span }, run);
      } catch (error) {
        span.recordException(error instanceof Error ? error : String(error));
        span.setStatus({ code: SpanStatusCode.ERROR });
        throw error;
      } finally {
        span.end();
      }
    },
    traceparent() {
      const carrier: { traceparent?: string } = {};
      propagator.inject(contextOf(work.getStore()?.span), carrier, defaultTextMapSetter);
      return carrier.traceparent;
    },
  };
}

function contextOf(span: Span | undefined): Context {
  return span === undefined ? ROOT_CONTEXT : trace.setSpan(ROOT_CONTEXT, span);
}
