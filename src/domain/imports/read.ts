import { type Static, type TSchema, Type } from 'typebox';
import { Compile, type Validator } from 'typebox/schema';
import { DomainError } from '../../errors.ts';
import { KEY_PATTERN, MAX_ALT_LENGTH } from '../images/image.ts';
import { MAX_BODY_LENGTH } from '../markdown/text.ts';
import { positionAt } from '../posts/position.ts';
import { TITLE_PATTERN, TITLE_RULE } from '../posts/title.ts';
import { VISIBILITIES } from '../posts/visibility.ts';
import { MAX_TAGS, readTags } from '../tags/name.ts';
import { type Archive, unusable } from './archive.ts';

/** The most posts in an import. */
const MAX_POSTS = 20_000;

/** The most posts of one hour, to keep the lists from being flooded: as many as the rate limit allows in two adjacent windows. */
const MAX_PER_HOUR = 120;

/** The most values in a JSON file. An export has at most 30 per post. Millions of small ones would take gigabytes of memory. */
const MAX_VALUES = 50 * MAX_POSTS;

/** A post to import. */
export interface ImportedPost {
  /** Its number in the file, from 1. */
  readonly number: number;
  readonly title: string | null;
  readonly body: string;
  readonly tags: readonly string[];
  readonly createdAt: Date;
  readonly editedAt: Date | null;
  readonly isUnlisted: boolean;
}

/** An image to import. */
export interface ImportedImage {
  readonly key: string;
  /** Its name in the archive, where it may be missing. */
  readonly file: string;
  readonly alt: string;
}

/** Text that PostgreSQL can store: without NUL and lone surrogates. */
const text = (maxLength: number, start = '') =>
  Type.String({ maxLength, pattern: `^${start}[^\\u0000\\p{Cs}]*$` });

const moment = () => Type.String({ pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d{1,6})?Z$' });

const Post = Type.Object({
  timestamp: moment(),
  edited: Type.Optional(Type.Union([moment(), Type.Null()])),
  visibility: Type.Optional(Type.Enum([...VISIBILITIES])),
  title: Type.Union([Type.String({ pattern: TITLE_PATTERN }), Type.Null()]),
  body: text(MAX_BODY_LENGTH, '(?=\\s*\\S)'),
  tags: Type.Optional(Type.Array(Type.String({ maxLength: 100 }), { maxItems: MAX_TAGS })),
});

const Image = Type.Object({
  file: Type.String({ pattern: `^images/${KEY_PATTERN}\\.webp$` }),
  alternative_text: text(MAX_ALT_LENGTH),
});

const TIME_RULE = 'Enter a time such as 2026-01-31T18:00:00.000Z, not before 1970 and not in the future.';

/** The pattern of each field. */
const RULES: Readonly<Record<string, string>> = {
  timestamp: TIME_RULE,
  edited: `${TIME_RULE} Or null.`,
  visibility: `Enter ${VISIBILITIES.join(' or ')}.`,
  title: `${TITLE_RULE} Or null.`,
  body: `Enter Markdown, not blank, of at most ${MAX_BODY_LENGTH.toLocaleString('en')} characters.`,
  tags: `Enter a list of at most ${MAX_TAGS} tags.`,
  file: 'Enter the name of a file in the folder images.',
  alternative_text: `Enter at most ${MAX_ALT_LENGTH.toLocaleString('en')} characters.`,
};

const postsFile = { name: 'posts.json', what: 'post', row: Compile(Post), most: MAX_POSTS };
const imagesFile = { name: 'images.json', what: 'image', row: Compile(Image), most: 2_000 };

/**
 * Reads the posts of an export, and checks all of them.
 *
 * @param now no post may be newer
 * @returns the posts, oldest first; those of the same second in the order of the file
 * @throws DomainError `unusable-import`, which names the post and the field
 */
export async function readPosts(archive: Archive, now: Date): Promise<ImportedPost[]> {
  const rows = await readRows(archive, postsFile);
  if (rows === undefined)
    throw unusable('This zip file has no posts.json. Choose one that you got under “Export”.');
  const posts = rows.map((row, index) => postFrom(row, index + 1, now));
  refuseFlood(posts);
  return posts.sort((one, other) => positionAt(one.createdAt) - positionAt(other.createdAt));
}

/**
 * Reads which images an export has.
 *
 * @throws DomainError `unusable-import`
 */
export async function readImages(archive: Archive): Promise<ImportedImage[]> {
  const rows = (await readRows(archive, imagesFile)) ?? [];
  return rows.map(({ file, alternative_text: alt }) => ({
    key: file.slice('images/'.length, -'.webp'.length),
    file,
    alt,
  }));
}

interface RowsFile<Row extends TSchema> {
  readonly name: string;
  readonly what: string;
  readonly row: Validator<Row>;
  readonly most: number;
}

async function readRows<Row extends TSchema>(
  archive: Archive,
  { name, what, row, most }: RowsFile<Row>,
): Promise<Static<Row>[] | undefined> {
  const content = await archive.read(name);
  if (content === undefined) return undefined;
  const values = parse(name, content);
  if (values.length > most)
    throw unusable(`${name} has ${values.length} entries. At most ${most} are accepted.`);
  return values.map((value, index) => {
    if (row.Check(value)) return value;
    const [, [error]] = row.Errors(value);
    const [missing] = error?.keyword === 'required' ? error.params.requiredProperties : [];
    throw wrong(`${name}, ${what} ${index + 1}`, missing ?? error?.instancePath.split('/')[1]);
  });
}

function parse(name: string, content: Buffer): unknown[] {
  if (hasTooManyValues(content))
    throw unusable(`${name} has too many values. At most ${MAX_VALUES.toLocaleString('en')} are accepted.`);
  let values: unknown;
  try {
    values = JSON.parse(content.toString());
  } catch (error) {
    throw unusable(`${name} is not valid JSON: ${error instanceof Error ? error.message.slice(0, 200) : ''}`);
  }
  if (!Array.isArray(values)) throw unusable(`${name} must be a JSON array.`);
  return values;
}

/** Counts the characters outside of strings that may precede a value. */
function hasTooManyValues(content: Buffer): boolean {
  let values = 0;
  let isInString = false;
  for (let index = 0; index < content.length && values <= MAX_VALUES; index++) {
    const byte = content[index];
    if (byte === BYTES.quote) isInString = !isInString;
    else if (isInString) index += byte === BYTES.backslash ? 1 : 0;
    else if (byte === BYTES.comma || byte === BYTES.bracket || byte === BYTES.brace) values++;
  }
  return values > MAX_VALUES;
}

const BYTES = { quote: 0x22, comma: 0x2c, bracket: 0x5b, backslash: 0x5c, brace: 0x7b };

/** @param field undefined if the value is not an object */
function wrong(where: string, field: string | undefined, rule = RULES[field ?? '']): DomainError {
  return unusable(field === undefined ? `${where}: Enter an object.` : `${where}, ${field}: ${rule}`);
}

function postFrom(row: Static<typeof Post>, number: number, now: Date): ImportedPost {
  const momentOf = (field: 'timestamp' | 'edited', text: string) => {
    const moment = new Date(text);
    if (moment.getTime() >= 0 && moment <= now) return moment;
    throw wrong(nameOf(number), field);
  };
  return {
    number,
    title: row.title,
    body: row.body,
    tags: tagsOf(row, number),
    createdAt: momentOf('timestamp', row.timestamp),
    isUnlisted: row.visibility === 'unlisted',
    editedAt: row.edited == null ? null : momentOf('edited', row.edited),
  };
}

function tagsOf({ tags = [] }: Static<typeof Post>, number: number): string[] {
  try {
    return readTags(tags.join(' '));
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    throw wrong(nameOf(number), 'tags', error.message);
  }
}

/** How messages refer to a post. */
export const nameOf = (number: number) => `posts.json, post ${number}`;

function refuseFlood(posts: readonly ImportedPost[]): void {
  const counts = new Map<string, number>();
  for (const { number, createdAt } of posts) {
    const hour = createdAt.toISOString().slice(0, 13);
    const count = (counts.get(hour) ?? 0) + 1;
    if (count > MAX_PER_HOUR)
      throw wrong(nameOf(number), 'timestamp', `At most ${MAX_PER_HOUR} posts can have the same hour.`);
    counts.set(hour, count);
  }
}
