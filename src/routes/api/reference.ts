import type { ApiDocument, Content, JsonSchema, Operation, Parameter } from './document.ts';

/** A call in the documentation. */
export interface DocumentedCall {
  readonly id: string;
  readonly summary: string;
  readonly description: string | undefined;
  readonly method: string;
  readonly path: string;
  readonly tag: string | undefined;
  /** Whether it works without a token on this site. */
  readonly isOpen: boolean;
  readonly permissions: readonly string[];
  readonly inputs: readonly Input[];
  /** A command for a shell with `TOKEN`, or for `POST /tokens/` with `EMAIL` and `PASSWORD`. */
  readonly curl: string;
  readonly example: Example;
  readonly responses: readonly { status: string; description: string; schema: string | undefined }[];
}

/** A query parameter, header or field of the body. */
interface Input {
  readonly name: string;
  readonly in: 'query' | 'header' | 'body';
  readonly isRequired: boolean;
  readonly type: string;
  readonly description: string | undefined;
}

/** A successful response. */
interface Example {
  readonly status: string;
  /** Undefined if there is none. */
  readonly body: unknown;
}

/** A named schema, as a table. */
export interface DocumentedSchema {
  readonly name: string;
  readonly fields: readonly { name: string; type: string; description: string | undefined }[];
}

/** Extracts the calls from an OpenAPI document, for the documentation page. Builds their examples from those of the schemas. */
export function callsOf(document: ApiDocument, baseUrl: string): DocumentedCall[] {
  return Object.entries(document.paths).flatMap(([path, calls]) =>
    Object.entries(calls).map(([method, operation]) => ({
      id: operation.operationId,
      summary: operation.summary,
      description: operation.description,
      method: method.toUpperCase(),
      path,
      tag: operation.tags[0],
      isOpen: isOpen(operation),
      permissions: permissionsOf(operation),
      inputs: inputsOf(operation),
      curl: curlOf(document, baseUrl, { method: method.toUpperCase(), path, operation }),
      example: exampleOfSuccess(document, operation),
      responses: Object.entries(operation.responses).map(([status, response]) => {
        const { $ref } = jsonOf(response) ?? {};
        return { status, description: response.description, schema: $ref && nameOf($ref) };
      }),
    })),
  );
}

export function schemasOf({ components }: ApiDocument): DocumentedSchema[] {
  return Object.entries(components.schemas).map(([name, { properties = {} }]) => ({
    name,
    fields: Object.entries(properties).map(([field, schema]) => ({
      name: field,
      type: typeOf(schema),
      description: schema.description,
    })),
  }));
}

const jsonOf = ({ content }: Partial<Content>) => content?.['application/json']?.schema;
const nameOf = (ref: string) => ref.slice(ref.lastIndexOf('/') + 1);

function isOpen({ security = [] }: Operation): boolean {
  return security.some((way) => Object.keys(way).length === 0);
}

function permissionsOf({ security = [] }: Operation): readonly string[] {
  return security.flatMap(({ bearer = [] }) => bearer);
}

function inputsOf({ parameters = [], requestBody }: Operation): Input[] {
  const body = requestBody && jsonOf(requestBody);
  return [
    ...parameters.flatMap(({ in: place, name, required, schema, description }) =>
      place === 'path' ? [] : [{ name, in: place, isRequired: required, type: typeOf(schema), description }],
    ),
    ...Object.entries(body?.properties ?? {}).map(([name, schema]) => ({
      name,
      in: 'body' as const,
      isRequired: body?.required?.includes(name) ?? false,
      type: typeOf(schema),
      description: schema.description,
    })),
  ];
}

function typeOf({ $ref, type, items, enum: words }: JsonSchema): string {
  if ($ref !== undefined) return nameOf($ref);
  if (items !== undefined) return `array of ${typeOf(items)}`;
  if (words !== undefined) return words.join(', ');
  return [type].flat().join(' or ');
}

function exampleOfSuccess(document: ApiDocument, { responses }: Operation): Example {
  const [status = '', response] = Object.entries(responses).find(([status]) => status.startsWith('2')) ?? [];
  const schema = response && jsonOf(response);
  return { status, body: schema && exampleOf(document, schema) };
}

/** Builds an example from the first example of each field. */
function exampleOf(document: ApiDocument, { $ref, examples, properties, items }: JsonSchema): unknown {
  if ($ref !== undefined) return exampleOf(document, document.components.schemas[nameOf($ref)] ?? {});
  if (items !== undefined) return [exampleOf(document, items)];
  if (properties === undefined) return examples?.[0];
  return Object.fromEntries(
    Object.entries(properties).map(([name, schema]) => [name, exampleOf(document, schema)]),
  );
}

interface Route {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

/** A command with all required parameters, and all fields of a JSON body. */
function curlOf(document: ApiDocument, baseUrl: string, { method, path, operation }: Route): string {
  const url = baseUrl + addressOf(path, operation.parameters);
  return [
    `curl ${method === 'GET' ? '' : `-X ${method} `}${quoted(url)}`,
    ...credentialsOf(operation),
    ...(operation.requestBody === undefined ? [] : bodyOf(document, operation.requestBody)),
  ].join(' \\\n  ');
}

function addressOf(path: string, parameters: readonly Parameter[] = []): string {
  const query = new URLSearchParams();
  let address = path;
  for (const { name, in: place, required, example = '' } of parameters) {
    if (place === 'path') address = address.replace(`{${name}}`, encodeURIComponent(example));
    else if (place === 'query' && required) query.set(name, String(example));
  }
  return query.size === 0 ? address : `${address}?${query}`;
}

function credentialsOf(operation: Operation): string[] {
  if (isOpen(operation)) return [];
  const takesToken = operation.security?.some(({ bearer }) => bearer !== undefined) ?? true;
  return [takesToken ? '-H "Authorization: Bearer $TOKEN"' : '-u "$EMAIL:$PASSWORD"'];
}

function bodyOf(document: ApiDocument, body: Content): string[] {
  const schema = jsonOf(body);
  const [type = ''] = Object.keys(body.content);
  return schema === undefined
    ? [`-H 'Content-Type: ${type}'`, `--data-binary @photo.${type.replace('image/', '')}`]
    : [`-H 'Content-Type: application/json'`, `-d ${quoted(JSON.stringify(exampleOf(document, schema)))}`];
}

/** Quotes a word for a POSIX shell if it needs to be. */
function quoted(word: string): string {
  return /^[\w:/.,@%+=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
