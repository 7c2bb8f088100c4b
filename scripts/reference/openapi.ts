import type { FastifyInstance } from 'fastify';
import { StartupError } from '../../src/errors.ts';
import type { ApiDocument, Content, JsonSchema, Operation } from '../../src/routes/api/document.ts';

/**
 * The OpenAPI document as it is checked in.
 *
 * @param previous the document that is already checked in; empty for none
 * @throws StartupError if a program that was written for the previous one might break
 */
export function describeApi(app: FastifyInstance, previous: string): string {
  const current = JSON.stringify(app.swagger(), null, 2);
  const breaks = previous === '' ? [] : breakingChanges(JSON.parse(previous), JSON.parse(current));
  if (breaks.length > 0) throw new StartupError(1, `The API must not break programs:\n${breaks.join('\n')}`);
  return `${current}\n`;
}

/**
 * Lists the differences between two documents that break programs: calls, inputs and fields that are gone or have another type,
 * and new requirements of existing calls. Additions do not break anything.
 */
export function breakingChanges(before: ApiDocument, after: ApiDocument): string[] {
  const [old, current] = [factsOf(before), factsOf(after)];
  const gone = old.promises.filter((promise) => !current.promises.includes(promise));
  const needed = current.needs.filter(
    ({ call, text }) => old.promises.includes(call) && !old.needs.some((need) => need.text === text),
  );
  return [...gone.map((promise) => `gone: ${promise}`), ...needed.map(({ text }) => `new: ${text}`)];
}

interface Facts {
  /** The facts that programs may rely on, one line each. */
  readonly promises: readonly string[];
  /** The requirements of calls. */
  readonly needs: readonly { readonly call: string; readonly text: string }[];
}

function factsOf(document: ApiDocument): Facts {
  const calls = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      call: `${method.toUpperCase()} ${path}`,
      operation,
    })),
  );
  return {
    promises: calls.flatMap(({ call, operation }) => [
      call,
      ...inputsOf(operation).flatMap(({ name, schema }) => [
        `${call} takes ${name}: ${typeOf(schema)}`,
        ...(schema.enum ?? []).map((word) => `${call} takes ${name}: ${word}`),
      ]),
      ...answersOf(document, operation).map((field) => `${call} answers ${field}`),
    ]),
    needs: calls.flatMap(({ call, operation }) =>
      needsOf(operation).map((need) => ({ call, text: `${call} needs ${need}` })),
    ),
  };
}

interface Input {
  readonly name: string;
  readonly isRequired: boolean;
  readonly schema: JsonSchema;
}

function inputsOf({ parameters = [], requestBody }: Operation): Input[] {
  const body = requestBody && jsonOf(requestBody);
  return [
    ...parameters.map(({ in: place, name, required, schema }) => ({
      name: `${place} ${name}`,
      isRequired: required,
      schema,
    })),
    ...Object.entries(body?.properties ?? {}).map(([name, schema]) => ({
      name: `body ${name}`,
      isRequired: body?.required?.includes(name) ?? false,
      schema,
    })),
  ];
}

/** The success statuses, each with the fields of its body. */
function answersOf(document: ApiDocument, { responses }: Operation): string[] {
  return Object.entries(responses)
    .filter(([status]) => status.startsWith('2'))
    .flatMap(([status, response]) => {
      const schema = jsonOf(response);
      return [status, ...(schema ? fieldsOf(document, schema, status) : [])];
    });
}

/** The paths of all fields with their types. Names of schemas are ignored. */
function fieldsOf(document: ApiDocument, schema: JsonSchema, path: string): string[] {
  const name = schema.$ref?.split('/').at(-1);
  if (name !== undefined) return fieldsOf(document, document.components.schemas[name] ?? {}, path);
  if (schema.items !== undefined) return fieldsOf(document, schema.items, `${path}[]`);
  if (schema.properties === undefined) return [`${path}: ${typeOf(schema)}`];
  return Object.entries(schema.properties).flatMap(([field, each]) =>
    fieldsOf(document, each, `${path} ${field}`),
  );
}

function needsOf(operation: Operation): string[] {
  const required = inputsOf(operation).filter(({ isRequired }) => isRequired);
  const permissions = (operation.security ?? []).flatMap(({ bearer = [] }) => bearer);
  return [...required.map(({ name }) => name), ...permissions.map((name) => `the permission ${name}`)];
}

const jsonOf = ({ content }: Partial<Content>) => content?.['application/json']?.schema;

function typeOf({ type, items }: JsonSchema): string {
  return items === undefined ? [type].flat().join(' or ') : `array of ${typeOf(items)}`;
}
