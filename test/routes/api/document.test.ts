import { Validator } from '@seriousme/openapi-schema-validator';
import fc from 'fast-check';
import type { FastifyInstance, InjectOptions } from 'fastify';
import t from 'tap';
import { updatePost } from '../../../src/domain/posts/write.ts';
import { EXAMPLE_KEY } from '../../../src/routes/api/resources.ts';
import { ApiProgram, basic } from '../../support/api.ts';
import { build } from '../../support/build.ts';
import { codePoint } from '../../support/code-point.ts';
import { createUser, PASSWORD } from '../../support/factories.ts';
import { GIF_HEADER, storeImage } from '../../support/images.ts';
import { answerChecker } from '../../support/openapi.ts';
import { writeComments, writePosts } from '../../support/writing.ts';
import { MATRIX } from '../../system/authorization/matrix.ts';

/** The parts of an OpenAPI document used here. */
interface Document {
  readonly paths: Record<string, Record<string, Operation>>;
}

interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: Content;
  readonly responses: Record<string, Partial<Content>>;
}

interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required: boolean;
  readonly example?: string;
  readonly schema: JsonSchema;
}

interface Content {
  readonly content: Readonly<Record<string, { readonly schema: JsonSchema }>>;
}

interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: JsonSchema;
  readonly enum?: readonly string[];
  readonly examples?: readonly string[];
  readonly properties?: Record<string, JsonSchema>;
  readonly required?: readonly string[];
}

async function readDocument(app: FastifyInstance): Promise<Document> {
  const response = await new ApiProgram(app).get('/openapi.json');
  return response.json();
}

t.test('the document is valid OpenAPI 3.1 and public', async (t) => {
  const app = await build(t);
  const response = await new ApiProgram(app).get('/openapi.json');
  t.equal(response.statusCode, 200);
  t.equal(response.json().openapi, '3.1.0');
  const validator = new Validator();
  t.same(await validator.validate(response.json()), { valid: true });
  t.equal(validator.version, '3.1');
  const again = await new ApiProgram(app).get('/openapi.json', {
    'if-none-match': String(response.headers.etag),
  });
  t.equal(again.statusCode, 304);
});

t.test('the document lists every API call', async (t) => {
  const { paths } = await readDocument(await build(t));
  const calls = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const routes = MATRIX.map(({ route }) => route.replace(/:(\w+)/g, '{$1}')).filter(
    (route) => route.includes(' /api/v1/') && !/\/(docs|openapi\.json)$/.test(route),
  );
  t.same(calls.toSorted(), routes.toSorted());
});

t.test('every response matches the document, whatever is sent', async (t) => {
  const app = await build(t, { RATE_LIMITS: 'off', POSTS_PER_PAGE: '3', COMMENTS_PER_PAGE: '3' });
  const john = await createUser(app, { username: 'john' });
  const admin = await createUser(app, { username: 'admin', role: 'Administrator' });
  const [postId = 0] = await writePosts(app, john, 8);
  await writeComments(app, john, postId, 8);
  await updatePost(app, postId, await app.markdown.post('Edited'), undefined);
  const { id } = await storeImage(app, john.id);
  await app.db.updateTable('images').set({ key: EXAMPLE_KEY }).where('id', '=', id).execute();
  const document = await readDocument(app);
  const check = answerChecker(document);
  const programs = [
    new ApiProgram(app),
    await ApiProgram.of(app, john),
    await ApiProgram.of(app, john, 'read'),
    await ApiProgram.of(app, admin),
    new ApiProgram(app, basic(john.email, PASSWORD)),
  ];

  const operations = operationsOf(document);
  let successful = 0;
  let refused = 0;
  for (const { path, method, operation } of operations) {
    const seen = new Set<number>();
    await fc.assert(
      fc.asyncProperty(requestsOf(operation), fc.constantFrom(...programs), async (request, program) => {
        const response = await program.send(inject(method, path, request));
        seen.add(response.statusCode);
        check({ path, method }, response);
      }),
      { numRuns: 30 },
    );
    successful += Number(Math.min(...seen) < 300);
    refused += Number(Math.max(...seen) >= 400);
  }
  // By chance, a few may have only one of these. api-docs.test.ts sends each a request that succeeds.
  t.ok(successful > 0.8 * operations.length, `${successful} of ${operations.length} calls succeeded`);
  t.ok(refused > 0.8 * operations.length, `${refused} of ${operations.length} calls were refused`);
});

/** All operations. Those that delete come last, comments before their posts. Earlier versions come first, because edits replace them. Publishing uses up drafts. */
function operationsOf({ paths }: Document) {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  const rankOf = ({ method, path }: { method: string; path: string }) => {
    if (path.includes('/versions/')) return -1;
    return method === 'delete' ? 2 : Number(path.endsWith('/publish'));
  };
  return operations.toSorted((a, b) => rankOf(a) - rankOf(b) || a.path.localeCompare(b.path));
}

interface Request {
  readonly parameters: Record<string, string>;
  readonly payload: string | undefined;
  readonly contentType: string | undefined;
}

/** Requests for an operation, most of them valid. */
function requestsOf({ parameters = [], requestBody }: Operation): fc.Arbitrary<Request> {
  const valuesOf = ({ schema, required, example }: Parameter) =>
    required
      ? fc.oneof(
          { weight: 4, arbitrary: typeof example === 'string' ? fc.constant(example) : valid(schema) },
          { weight: 1, arbitrary: anything().filter(isSegment) },
        )
      : fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, valid(schema), anything());
  const fields = Object.fromEntries(
    parameters.map((parameter) => [`${parameter.in} ${parameter.name}`, valuesOf(parameter)]),
  );
  return fc.record({
    parameters: fc
      .record(fields)
      .map((values) =>
        Object.fromEntries(
          Object.entries(values).flatMap(([name, value]) =>
            value === undefined ? [] : [[name, String(value)]],
          ),
        ),
      ),
    payload: requestBody === undefined ? fc.constant(undefined) : payloads(requestBody),
    contentType: fc.constant(Object.keys(requestBody?.content ?? {})[0]),
  });
}

function payloads({ content }: Content): fc.Arbitrary<string> {
  const json = content['application/json'];
  if (json === undefined) return fc.oneof(fc.constant(GIF_HEADER), fc.string());
  const { properties = {}, required } = json.schema;
  const fields = Object.fromEntries(
    Object.entries(properties).map(([name, schema]) => [name, valid(schema)]),
  );
  return fc.oneof(
    {
      weight: 5,
      arbitrary: fc
        .record(fields, { requiredKeys: [...(required ?? [])] })
        .map((body) => JSON.stringify(body)),
    },
    { weight: 2, arbitrary: fc.json() },
    {
      weight: 1,
      arbitrary: fc.record({ ...fields, more: fc.jsonValue() }).map((body) => JSON.stringify(body)),
    },
    { weight: 1, arbitrary: fc.string() },
  );
}

/** Values for a schema: small numbers, which are likely ids, or its examples and any text. */
function valid({
  type,
  minimum = 0,
  enum: words,
  examples,
  items,
}: JsonSchema): fc.Arbitrary<string | number | object> {
  if (words !== undefined) return fc.constantFrom(...words);
  if (type === 'integer') return fc.integer({ min: minimum, max: minimum + 1 });
  if (items !== undefined) return fc.array(valid(items), { maxLength: 2 });
  const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 200 });
  return examples === undefined ? text : fc.oneof(text, fc.constantFrom(...examples));
}

function anything(): fc.Arbitrary<string | number> {
  return fc.oneof(
    fc.integer(),
    fc.double(),
    fc.string({ unit: codePoint }),
    fc.constantFrom('', '0', '-1', '1e3'),
  );
}

/** An empty value would be a different path. */
function isSegment(value: string | number): boolean {
  return !/^\.{0,2}$/.test(String(value));
}

function inject(
  method: string,
  path: string,
  { parameters, payload, contentType }: Request,
): InjectOptions & { url: string } {
  const query = new URLSearchParams();
  const headers: Record<string, string> = contentType === undefined ? {} : { 'content-type': contentType };
  let url = path;
  for (const [key, value] of Object.entries(parameters)) {
    const [where = '', name = ''] = key.split(' ');
    if (where === 'path') url = url.replace(`{${name}}`, encodeURIComponent(value.toWellFormed()));
    else if (where === 'query') query.set(name, value);
    else headers[name] = value.replaceAll(/[^\t -~]/g, '?');
  }
  const search = query.size > 0 ? `?${query}` : '';
  return {
    method: method.toUpperCase() as 'GET',
    url: url + search,
    headers,
    ...(payload !== undefined && { payload }),
  };
}
