import { type TProperties, Type } from 'typebox';

// Schemas of payloads. None accepts unknown fields.

export function fields<Fields extends TProperties>(schemas: Fields) {
  return Type.Object(schemas, { additionalProperties: false });
}

/** A mail from a template. */
export function mail<const Template extends string, Fields extends TProperties>(
  template: Template,
  schemas: Fields,
) {
  return fields({ template: Type.Literal(template), ...schemas });
}

/** A cause of notifications. */
export function about<const About extends string, Fields extends TProperties>(cause: About, schemas: Fields) {
  return fields({ about: Type.Literal(cause), ...schemas });
}

export function id() {
  return Type.Integer({ minimum: 1 });
}

export function date() {
  return Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$' });
}

export function moment() {
  return Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}\\.\\d{3}Z$' });
}
