import formbody from '@fastify/formbody';
import fp from 'fastify-plugin';
import type { Static, TObject } from 'typebox';
import { Compile, type Validator } from 'typebox/schema';
import { MAX_BODY_LENGTH } from '../../domain/markdown/text.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Reads and validates the submitted form. */
    readForm<Fields extends TObject>(schema: Fields): SubmittedForm<Fields>;
    /** The submitted fields without secrets, for a page that offers to send them again. Undefined if they are too long. */
    readTyped(): TypedFields | undefined;
  }
}

/** A form as its page shows it: values without secrets, and a message for each invalid field. */
export interface FormState {
  readonly values: Readonly<Record<string, string>>;
  readonly errors: Readonly<Record<string, string>>;
}

export interface SubmittedForm<Fields extends TObject> {
  /** Undefined if a field is invalid. */
  readonly data: Static<Fields> | undefined;
  readonly state: FormState;
  /** The state with another message, for the domain's errors. */
  refuse(field: keyof Static<Fields> & string, message: string): FormState;
}

/** Options of a form field besides JSON Schema's keywords. */
export interface FieldOptions {
  /** Replaces the general message for this keyword, e.g. `{ pattern: 'Usernames must have …' }`. */
  readonly messages?: Readonly<Record<string, string>>;
  /** Never trimmed and never sent back. */
  readonly isSecret?: boolean;
}

/** The fields of any form, without secrets. */
export type TypedFields = readonly { readonly name: string; readonly value: string }[];

/** Recognises secrets where there is no schema. */
const SECRET_NAME = /password/i;

/** The most characters of a form that are sent back without a schema. */
const MAX_TYPED = 2 * MAX_BODY_LENGTH;

export const EMPTY_FORM: FormState = Object.freeze({ values: {}, errors: {} });

/** Provides `request.readForm` in scopes with pages. Accepts only urlencoded bodies. */
export default fp(
  async (app) => {
    app.removeAllContentTypeParsers();
    await app.register(formbody, { parser: parseFields });

    const validators = new WeakMap<TObject, Validator>();
    app.decorateRequest('readForm', function <
      Fields extends TObject,
    >(this: { body: unknown }, schema: Fields) {
      let validator = validators.get(schema);
      if (validator === undefined) {
        assertSecretNames(schema);
        validator = Compile(schema);
        validators.set(schema, validator);
      }
      return readForm(schema, validator, (this.body ?? {}) as FormFields);
    });
    app.decorateRequest('readTyped', function (this: { body: unknown }) {
      return readTyped((this.body ?? {}) as FormFields);
    });
  },
  { name: 'forms' },
);

/** All values of each field, so that a field sent twice can be refused. */
type FormFields = Readonly<Record<string, readonly string[]>>;

function parseFields(body: string): FormFields {
  const fields: Record<string, string[]> = Object.create(null);
  for (const [name, value] of new URLSearchParams(body)) {
    fields[name] ??= [];
    fields[name].push(value);
  }
  return fields;
}

function readTyped(body: FormFields): TypedFields | undefined {
  const fields = Object.entries(body)
    .filter(([name]) => !SECRET_NAME.test(name))
    .map(([name, [value = '']]) => ({ name, value }));
  const length = fields.reduce((sum, { name, value }) => sum + name.length + value.length, 0);
  return length <= MAX_TYPED ? fields : undefined;
}

/** Secrets must be recognisable by name, because `readTyped` would send back any others. */
function assertSecretNames({ properties }: TObject): void {
  const unknown = Object.entries(properties).find(
    ([name, field]) => isSecret(field) && !SECRET_NAME.test(name),
  );
  if (unknown !== undefined)
    throw new Error(`the secret field "${unknown[0]}" must have "password" in its name`);
}

function readForm<Fields extends TObject>(
  schema: Fields,
  validator: Validator,
  body: FormFields,
): SubmittedForm<Fields> {
  const values: Record<string, string> = {};
  const errors: Record<string, string> = {};
  const data: Record<string, unknown> = {};

  for (const [name, field] of Object.entries(schema.properties)) {
    const sent = body[name] ?? [];
    const text = isSecret(field) ? (sent[0] ?? '') : (sent[0] ?? '').trim().replaceAll('\r\n', '\n');
    if (!isSecret(field)) values[name] = text;
    data[name] = isCheckbox(field) ? sent.length > 0 : text;
    if (sent.length > 1) errors[name] = 'Enter only one value.';
    else if (!isReadable(text))
      errors[name] = 'This field contains invalid characters. Please type it again.';
  }
  const [, faults] = validator.Errors(data);
  for (const fault of faults) {
    const name = fault.instancePath.slice(1);
    const field = schema.properties[name] as Field | undefined;
    if (field !== undefined) errors[name] ??= messageFor(fault, field, data[name]);
  }

  const isValid = Object.keys(errors).length === 0;
  return {
    data: isValid ? (data as Static<Fields>) : undefined,
    state: { values, errors },
    refuse: (field, message) => ({ values, errors: { ...errors, [field]: message } }),
  };
}

type Field = FieldOptions & { type?: string; minLength?: number; maxLength?: number };

function messageFor(fault: { keyword: string }, field: Field, value: unknown): string {
  if (value === '') return 'This field is required.';
  const general: Record<string, string> = {
    minLength: `Enter at least ${field.minLength} characters.`,
    maxLength: `Enter at most ${field.maxLength} characters.`,
  };
  return field.messages?.[fault.keyword] ?? general[fault.keyword] ?? 'Invalid value.';
}

function isSecret(field: object): boolean {
  return 'isSecret' in field && field.isSecret === true;
}

/** Browsers omit unticked checkboxes. */
function isCheckbox(field: object): boolean {
  return 'type' in field && field.type === 'boolean';
}

/** PostgreSQL cannot store NUL, and U+FFFD replaces bytes that are not UTF-8. */
function isReadable(text: string): boolean {
  return !text.includes('\0') && !text.includes('\uFFFD') && text.isWellFormed();
}
