import { isHidden, type Redaction } from './redact.ts';

/** Part of a payload, such as `{ userId: 7 }`. */
export type Fragment = Readonly<Record<string, unknown>>;

/** A search for jobs, which must match all terms. */
export type Search = readonly Term[];

export interface Term {
  /** Matches a payload that contains one of these. An index finds it. */
  readonly fragments: readonly Fragment[];
  /** Also matches this text, in lower case, in the payload or the last error. Undefined if only fragments match. */
  readonly text?: string;
}

/** A word, or a payload's field and its value. */
const WORD = /^[\p{L}\p{N}_.@+:-]+$/u;
const FIELD = /^([A-Za-z]\w*):(.+)$/;
const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

/** Finds the fragments of jobs about a person, by name or address. */
export type FindSubjects = (person: string) => Promise<readonly Fragment[]>;

/** A search with more words than this is for one text. */
const MAX_WORDS = 5;

/**
 * Parses a search: words separated by spaces, each of which is part of the payload or the last error, a person's name or address,
 * a request's id, or `key:value` for a field of the payload. Anything else is one text, such as part of a payload as JSON. Hidden
 * fields match no job.
 */
export async function readSearch(
  text: string,
  findSubjects: FindSubjects,
  options: Redaction = {},
): Promise<Search> {
  const words = text.trim().split(/\s+/);
  if (words.length > MAX_WORDS || !words.every((word) => WORD.test(word))) {
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

/** The JSON values that a text may stand for. */
function valuesOf(value: string): unknown[] {
  if (/^-?\d{1,15}$/.test(value)) return [Number(value), value];
  if (value === 'true' || value === 'false') return [value === 'true', value];
  return [value];
}

/** Whether an index can narrow a search down: some term only has fragments, or all terms have fragments. */
export function isIndexed(search: Search): boolean {
  return (
    search.some(({ text }) => text === undefined) || search.every(({ fragments }) => fragments.length > 0)
  );
}
