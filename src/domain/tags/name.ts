import { DomainError } from '../../errors.ts';

/** The most tags of a post, including those in its text. */
export const MAX_TAGS = 10;

/** The maximum length of a tag, in characters. */
export const MAX_TAG_LENGTH = 40;

/** A tag as people write it, with or without `#`. `readTag` also requires a letter. */
export const TAG_PATTERN = `^#?(?!-)[\\p{L}\\p{M}\\p{N}_-]{1,${MAX_TAG_LENGTH}}(?<!-)$`;

const WRITTEN_TAG = new RegExp(TAG_PATTERN, 'u');

/**
 * A tag as it is stored: in lower case, without `#`. It has letters of any script, digits, `_` and, except at its ends, `-`,
 * and at least one letter.
 *
 * @returns undefined if it cannot be a tag
 */
export function readTag(written: string): string | undefined {
  if (!WRITTEN_TAG.test(written)) return undefined;
  const tag = written.replace('#', '').normalize('NFC').toLowerCase();
  return /\p{L}/u.test(tag) && [...tag].length <= MAX_TAG_LENGTH ? tag : undefined;
}

/** The path of the page with the posts that have a tag. */
export function pathOfTag(tag: string): string {
  return `/tag/${encodeURIComponent(tag)}`;
}

/**
 * Reads tags as people type them, separated by commas or spaces.
 *
 * @returns each tag once, in order
 * @throws DomainError `invalid-tags` if there are too many, or if a word cannot be a tag
 */
export function readTags(typed: string): string[] {
  const tags = new Set<string>();
  for (const written of typed.split(/[\s,]+/).filter((each) => each !== '')) {
    const tag = readTag(written);
    if (tag === undefined) {
      const beginning = [...written].slice(0, MAX_TAG_LENGTH).join('');
      throw new DomainError(
        'invalid-tags',
        `“${beginning}” cannot be a tag. Tags are up to ${MAX_TAG_LENGTH} letters, digits, _ and -.`,
      );
    }
    tags.add(tag);
    if (tags.size > MAX_TAGS)
      throw new DomainError('invalid-tags', `A post can have at most ${MAX_TAGS} tags.`);
  }
  return [...tags];
}
