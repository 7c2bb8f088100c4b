import { isUtf8 } from 'node:buffer';
import { errorCodes } from 'fastify';
import fp from 'fastify-plugin';
import type { TObject, TSchemaOptions } from 'typebox';
import type { TLocalizedValidationError } from 'typebox/error';
import { Compile, type Validator } from 'typebox/schema';

/** Shared by routes with the same schema, and by all apps. */
const validators = new WeakMap<RequestSchema, Validator>();

/**
 * Accepts only JSON in UTF-8 and validates it with the routes' schemas. Path, query and header values are converted to
 * numbers where the schema says so; body fields must have the right type.
 */
export default fp(
  async (app) => {
    app.removeAllContentTypeParsers();
    const parseJson = app.getDefaultJsonParser('error', 'error');
    app.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, body, done) => {
      if (body.length === 0) done(null, undefined);
      else if (isUtf8(body)) parseJson(request, body.toString(), done);
      else done(new errorCodes.FST_ERR_CTP_INVALID_JSON_BODY());
    });

    app.setValidatorCompiler<RequestSchema>(({ schema, httpPart }) => {
      const validator = validators.get(schema) ?? Compile(schema);
      validators.set(schema, validator);
      return (sent: unknown) => {
        const value = httpPart === 'body' ? (sent ?? {}) : readNumbers(schema, sent);
        if (validator.Check(value)) return { value };
        const [, faults] = validator.Errors(value);
        return { error: new Error(describeFaults(schema, faults, value)) };
      };
    });
  },
  { name: 'api-validation' },
);

/** TypeBox omits `required` if no field is. */
type RequestSchema = Omit<TObject, 'required'> & Partial<Pick<TObject, 'required'>> & TSchemaOptions;

/** Converts digits to numbers where the schema has an integer. */
function readNumbers(schema: RequestSchema, sent: unknown): object {
  const fields = Object.entries(Object(sent)).map(([name, text]) => {
    const field = schema.properties[name];
    const isNumber = field !== undefined && 'type' in field && field.type === 'integer';
    return [name, isNumber && typeof text === 'string' && /^-?\d+$/.test(text) ? Number(text) : text];
  });
  return Object.fromEntries(fields);
}

/** Describes by field what is wrong with a request and what is accepted. */
function describeFaults(
  schema: RequestSchema,
  faults: readonly TLocalizedValidationError[],
  value: unknown,
): string {
  const messages = faults.flatMap((fault) => describeFault(schema, fault, value));
  return [...new Set(messages)].join('; ');
}

function describeFault(schema: RequestSchema, fault: TLocalizedValidationError, value: unknown): string[] {
  const missing = (field: string) => `${schema.title ?? 'request'} does not have a ${field}`;
  if (fault.keyword === 'required') return fault.params.requiredProperties.map(missing);
  if (fault.keyword === 'boolean') return []; // `additionalProperties` reports all unknown fields.
  if (fault.keyword === 'additionalProperties') {
    const unknown = fault.params.additionalProperties.map((field) => `"${field}"`).join(', ');
    return [`unknown field ${unknown}; accepted: ${Object.keys(schema.properties).join(', ')}`];
  }
  const field = fault.instancePath.slice(1);
  if (field === '') return ['the body must be a JSON object'];
  if (schema.required?.includes(field) && isBlank(value, field)) return [missing(field)];
  if (fault.keyword === 'pattern') return [`${field} has characters that are not accepted`];
  return [`${field} ${fault.message}`];
}

function isBlank(value: unknown, field: string): boolean {
  const sent = Object(value)[field];
  return sent === null || (typeof sent === 'string' && sent.trim() === '');
}
