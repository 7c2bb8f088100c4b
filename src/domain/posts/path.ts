/** The longest slug, in characters. */
const MAX_SLUG_LENGTH = 60;

/** What a post's address is made of. */
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
 * The words of a title in lower case and joined by hyphens, in any script. Latin letters lose their accents. Has only
 * letters, digits and hyphens, so the address of another page below a post's needs something else, as `/post/1/feed.atom`
 * has a dot.
 *
 * @returns undefined without a title, and for a title without letters or digits
 */
export function slugOf(title: string | null): string | undefined {
  if (title === null) return undefined; // Most lists have many of them.
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
