import { isHidden, type Redaction } from './redact.ts';

/** Part of a payload, such as `{ userId: 7 }`. */
export type Fragment = Readonly<Record<string, unknown>>;

/** What a list of jobs is searched for. A job has to match all terms. */
export type Search = readonly Term[];

export interface Term {
  /** The payload has one of these. An index finds it at once. */
  readonly fragments: readonly Fragment[];
  /** Or the payload or the last error has this text, in lower case. Undefined if only a fragment will do. */
  readonly text?: string;
}

/** A word, or a payload's field and its value. */
const WORD = /^[\p{L}\p{N}_.@+:-]+$/u;
const FIELD = /^([A-Za-z]\w*):(.+)$/;
const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

/** Looks for jobs about a person, by their name or address. */
export type FindSubjects = (person: string) => Promise<readonly Fragment[]>;

/** More words than this are searched as one text. */
const MOST_WORDS = 5;

/**
 * Reads a search: words separated by spaces, each a part of the payload or of the last error, a person's name or address, or
 * a request's id; or `key:value` for a field of the payload. Anything else is one text, such as part of a payload as JSON.
 * A field that is hidden matches no job.
 */
export async function readSearch(
  text: string,
  findSubjects: FindSubjects,
  options: Redaction = {},
): Promise<Search> {
  const words = text.trim().split(/\s+/);
  if (words.length > MOST_WORDS || !words.every((word) => WORD.test(word))) {
    return [{ fragments: [], text: text.trim().toLowerCase() }];
  }
  return Promise.all(words.map((word) => readWord(word, findSubjects, options)));
}

async function readWord(word: string, findSubjects: FindSubjects, options: Redaction): Promise<Term> {
  const [, key, value] = FIELD.exec(word) ?? [];
  if (key !== undefined && value !== undefined) {
    return { fragments: isHidden(key, options) ? [] : valuesOf(value).map((each) => ({ [key]: each })) };
  }
  if (UUID.test(word)) return { fragments: [{ requestId: word.toLowerCase() }], text: word.toLowerCase() };
  return { fragments: await findSubjects(word), text: word.toLowerCase() };
}

/** A value as it may be in JSON. */
function valuesOf(value: string): unknown[] {
  if (/^-?\d{1,15}$/.test(value)) return [Number(value), value];
  if (value === 'true' || value === 'false') return [value === 'true', value];
  return [value];
}

/** Whether an index finds all that match: each term is a fragment, or one is and the others are only texts. */
export function isIndexed(search: Search): boolean {
  return (
    search.some(({ text }) => text === undefined) || search.every(({ fragments }) => fragments.length > 0)
  );
}
