/** The maximum length of a search, in characters. */
export const MAX_SEARCH_LENGTH = 200;

/** A parsed search. */
export interface Search {
  /** In the syntax of PostgreSQL's `websearch_to_tsquery`. Empty if there are only filters. */
  readonly words: string;
  /** The username of the author, after `from:`. */
  readonly from?: string;
  /** In lower case, after `tag:`. */
  readonly tag?: string;
  /** The days of `after:`, inclusive, and `before:`, exclusive, as midnight UTC. */
  readonly after?: Date;
  readonly before?: Date;
}

/** A search, or a fault to tell the person who typed it. */
export type ParsedSearch = { readonly search: Search } | { readonly fault: string };

/** A phrase in quotes, whether or not they are closed, or a word between spaces. */
const PARTS = /-?"[^"]*(?:"|$)|\S+/gu;

const FILTER = /^(from|tag|before|after):(.+)$/iu;

/** Parses a search. If a filter is given twice, the last one counts. A filter without a value is a word. */
export function parseSearch(text: string): ParsedSearch {
  if ([...text].length > MAX_SEARCH_LENGTH)
    return { fault: `Enter at most ${MAX_SEARCH_LENGTH} characters.` };
  if (text.includes('\0') || !text.isWellFormed())
    return { fault: 'Your search contains invalid characters. Please type it again.' };

  const words: string[] = [];
  let filters: Omit<Search, 'words'> = {};
  for (const [part] of text.normalize('NFC').matchAll(PARTS)) {
    const [, name, value] = FILTER.exec(part) ?? [];
    if (name === undefined || value === undefined) {
      words.push(part);
      continue;
    }
    const filter = readFilter(name.toLowerCase(), value);
    if (filter === undefined) return { fault: `Enter a date after “${name}:”, such as 2026-11-30.` };
    filters = { ...filters, ...filter };
  }
  return { search: { words: words.join(' '), ...filters } };
}

/** Returns undefined for a date that does not exist. */
function readFilter(name: string, value: string): Omit<Search, 'words'> | undefined {
  if (name === 'from') return { from: value.replace(/^@/, '') };
  if (name === 'tag') return { tag: value.replace(/^#/, '').toLowerCase() };
  const date = dateFrom(value);
  return date && { [name]: date };
}

function dateFrom(text: string): Date | undefined {
  const date = new Date(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : Number.NaN);
  const exists = !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
  return exists ? date : undefined;
}
