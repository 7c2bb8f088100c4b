import formbody from '@fastify/formbody';
import fp from 'fastify-plugin';
import type { Static, TObject } from 'typebox';
import { Compile, type Validator } from 'typebox/compile';
import { LONGEST_BODY } from '../../domain/markdown/render.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Reads the submitted form: `data` when it is valid, else what to show beside each field. */
    readForm<Fields extends TObject>(schema: Fields): SubmittedForm<Fields>;
    /** What was sent, for a page that offers to send it again: no secrets, and undefined when it is too long. */
    readTyped(): TypedFields | undefined;
  }
}

/** A form as its page shows it: what was typed, secrets left out, and one message for each wrong field. */
export interface FormState {
  readonly values: Readonly<Record<string, string>>;
  readonly errors: Readonly<Record<string, string>>;
}

export interface SubmittedForm<Fields extends TObject> {
  /** Undefined when a field is wrong. */
  readonly data: Static<Fields> | undefined;
  readonly state: FormState;
  /** The state with one more message, for what only the domain can know. */
  refuse(field: keyof Static<Fields> & string, message: string): FormState;
}

/** What a form field's schema may say beside JSON Schema's own keywords. */
export interface FieldOptions {
  /** Replaces the general message for this keyword, e.g. `{ pattern: 'Usernames must have …' }`. */
  readonly messages?: Readonly<Record<string, string>>;
  /** Neither trimmed nor ever sent back. */
  readonly isSecret?: boolean;
}

/** Fields by their names; whatever form they are of, none is a secret. */
export type TypedFields = readonly { readonly name: string; readonly value: string }[];

/** Secrets are known by these names where no schema is at hand. */
const SECRET_NAME = /password/i;

/** The most that is given back of a form that no schema describes, in characters. */
const MAX_TYPED = 2 * LONGEST_BODY;

export const EMPTY_FORM: FormState = Object.freeze({ values: {}, errors: {} });

/** Forms of the scopes with pages: urlencoded bodies, and no other kind. */
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
        refuseUnknownSecrets(schema);
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

/** Every value of every name, in order: a field sent twice must be seen to be refused. */
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

/** A secret with a name that `readTyped` does not know would be given back. */
function refuseUnknownSecrets({ properties }: TObject): void {
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
  for (const fault of validator.Errors(data)) {
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

/** A browser sends a ticked box and leaves out an empty one. */
function isCheckbox(field: object): boolean {
  return 'type' in field && field.type === 'boolean';
}

/** NUL cannot be stored in PostgreSQL, and U+FFFD is what bytes that are not UTF-8 have become. */
function isReadable(text: string): boolean {
  return !text.includes('\0') && !text.includes('\uFFFD') && text.isWellFormed();
}
