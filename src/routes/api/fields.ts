import { type TProperties, Type } from 'typebox';
import { VISIBILITIES, type Visibility } from '../../domain/posts/visibility.ts';

/** Fields of the API's resources, each with an example for the documentation. */

export const Path = (what: string, example: string) =>
  Type.String({ description: `Path of ${what}.`, examples: [example] });

export const Page = (what: string, example: string) =>
  Type.String({ description: `Path of ${what} on the site, for people.`, examples: [example] });

export const Username = (whose: string, example = 'john') =>
  Type.String({ description: `Username of ${whose}. It can change.`, examples: [example] });

export const Text = (description: string, example: string) =>
  Type.String({ description, examples: [example] });

export const Time = (what: string, example = '2026-03-14T09:26:53.589Z') =>
  Type.String({ format: 'date-time', description: `${what}, RFC 3339 in UTC.`, examples: [example] });

export const Count = (what: string, example: number) =>
  Type.Integer({ minimum: 0, description: `Number of ${what}.`, examples: [example] });

/** A text that may be null. A single type serialises faster than a union. */
export const NullableText = (description: string, example: string | null) =>
  Type.Unsafe<string | null>({ type: ['string', 'null'], description, examples: [example] });

export const NullablePath = (what: string, example: string | null) =>
  NullableText(`Path of ${what}, or null.`, example);

export const NullableTime = (description: string, example: string | null = null) =>
  Type.Unsafe<string | null>({
    type: ['string', 'null'],
    format: 'date-time',
    description: `${description}, RFC 3339 in UTC, or null.`,
    examples: [example],
  });

/** One of some words. The response's type keeps them apart. */
export const Word = <Choice extends string>(choices: readonly Choice[], description: string) =>
  Type.Unsafe<Choice>({ type: 'string', enum: choices, description, examples: [choices[0]] });

/** Who can see a post. */
export const visibility = (more = '') =>
  Word<Visibility>(
    VISIBILITIES,
    `\`public\`, or \`unlisted\` for those who know its path: it is in no list but your own.${more}`,
  );

/** A schema that others refer to by name. */
export function named<const Id extends string, Properties extends TProperties>(
  $id: Id,
  properties: Properties,
) {
  return Object.assign(Type.Object(properties, { additionalProperties: false }), { $id });
}
