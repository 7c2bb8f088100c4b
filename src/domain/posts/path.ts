/** The maximum length of a slug, in characters. */
const MAX_SLUG_LENGTH = 60;

/** The parts of a post that its address depends on. */
export interface Addressed {
  readonly id: number;
  readonly title: string | null;
}

/**
 * The path of a post's page, as all links have it: `/post/ID/slug`, or `/post/ID` if its title has no slug. Only the ID
 * counts; the slug is for people to read.
 */
export function pathOfPost({ id, title }: Addressed): string {
  const slug = slugOf(title);
  return slug === undefined ? `/post/${id}` : `/post/${id}/${encodeURIComponent(slug)}`;
}

/**
 * The words of a title in lower case, joined by hyphens, in any script. Latin letters lose their accents. A slug has only
 * letters, digits and hyphens, so other paths below a post's need another character, such as the dot in `/post/1/feed.atom`.
 *
 * @returns undefined if there is no title, or it has no letters or digits
 */
export function slugOf(title: string | null): string | undefined {
  if (title === null) return undefined;
  const plain = title.normalize('NFKD').toLowerCase();
  const words = plain
    .replaceAll(/['’]|[\u0300-\u036f]/g, '')
    .normalize('NFC')
    .match(/[\p{L}\p{M}\p{N}]+/gu);
  const characters = [...(words ?? []).join('-')];
  const beginning = characters.slice(0, MAX_SLUG_LENGTH).join('');
  const isWordCut = characters.length > MAX_SLUG_LENGTH && characters[MAX_SLUG_LENGTH] !== '-';
  return (isWordCut ? beginning.replace(/-[^-]*$/, '') : beginning) || undefined;
}
