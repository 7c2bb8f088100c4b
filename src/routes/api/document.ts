import type { FastifyInstance } from 'fastify';

/** The parts of an OpenAPI document that our documentation shows. */
export interface ApiDocument {
  readonly info: { readonly title: string; readonly description: string };
  readonly tags: readonly { readonly name: string; readonly description?: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> };
}

export interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly tags: readonly string[];
  /** The ways to authenticate, each with the required permissions. `{}` means none. By default, any account may use it. */
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: Content;
  readonly responses: Readonly<Record<string, Response>>;
}

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required: boolean;
  readonly description?: string;
  readonly example?: string | number;
  readonly schema: JsonSchema;
}

export interface Content {
  /** The schema of each media type. */
  readonly content: Readonly<Record<string, { readonly schema: JsonSchema }>>;
}

export interface Response extends Partial<Content> {
  readonly description: string;
}

export interface JsonSchema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly string[];
  readonly description?: string;
  readonly examples?: readonly unknown[];
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
}

/** How visitors and members may read, if the site's settings allow it. */
const OPEN = [{}, { bearer: [] }, { basic: [] }];

/** The OpenAPI document, as the site's settings change it. */
export function openApiOf(app: FastifyInstance): ApiDocument {
  // A copy as JSON, because the plugin's types are those of all versions of OpenAPI.
  const document: ApiDocument = JSON.parse(JSON.stringify(app.swagger()));
  const { name: title, api } = app.site.settings;
  if (api !== 'everyone') return { ...document, info: { ...document.info, title } };
  const description = `${document.info.description} Reading needs no credentials.`;
  return { ...document, info: { ...document.info, title, description }, paths: opened(document.paths) };
}

/** Lets everyone use the calls that do not declare their own `security`. All of these only read. */
function opened(paths: ApiDocument['paths']): ApiDocument['paths'] {
  const openedCalls = (calls: Readonly<Record<string, Operation>>) =>
    Object.fromEntries(
      Object.entries(calls).map(([method, call]) => [method, { ...call, security: call.security ?? OPEN }]),
    );
  return Object.fromEntries(Object.entries(paths).map(([path, calls]) => [path, openedCalls(calls)]));
}

/** Caches a value until the site's settings change. */
export function perSettings<Made>({ site }: FastifyInstance, make: () => Made): () => Made {
  let made: { readonly from: object; readonly value: Made } | undefined;
  return () => {
    if (made?.from !== site.settings) made = { from: site.settings, value: make() };
    return made.value;
  };
}

/** The OpenAPI document. It is public, because clients need it to learn how to authenticate. */
export default async function document(app: FastifyInstance): Promise<void> {
  const write = perSettings(app, () => JSON.stringify(openApiOf(app)));
  app.get('/openapi.json', { schema: { hide: true } }, async (_request, reply) => {
    reply.header('cache-control', 'no-cache').type('application/json; charset=utf-8');
    return write();
  });
}
