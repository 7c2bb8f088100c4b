import { isDeepStrictEqual } from 'node:util';
import { LRUCache } from 'lru-cache';

/** The row that a fragment shows, or {} for a fragment without data. */
export interface FragmentData {
  readonly id?: number;
}

/** The other conditions that a fragment depends on. Each combination is cached separately. */
export type Variant = Readonly<Record<string, boolean>>;

interface Fragment {
  readonly data: FragmentData;
  readonly html: string;
}

/** Characters of cached HTML: a few thousand posts. */
const MAX_CHARACTERS = 4 * 2 ** 20;

/**
 * Caches the part of a row's HTML that is the same for everyone. It is never stale, because a fragment is only reused while
 * its row is unchanged.
 */
export class Fragments {
  readonly #render: (template: string, data: object) => string;
  readonly #fragments = new LRUCache<string, Fragment>({
    maxSize: MAX_CHARACTERS,
    sizeCalculation: ({ html }) => html.length + 500,
  });

  constructor(render: (template: string, data: object) => string) {
    this.#render = render;
  }

  /** @param data everything that the template prints except the variant */
  render(template: string, data: FragmentData, variant: Variant = {}): string {
    const key = `${template} ${data.id} ${Object.values(variant)}`;
    const known = this.#fragments.get(key);
    if (known !== undefined && isSame(known.data, data)) return known.html;
    const html = this.#render(template, { ...data, ...variant });
    this.#fragments.set(key, { data, html });
    return html;
  }
}

/** Whether two rows of the same query have equal columns. */
function isSame<Row extends object>(known: Row, row: Row): boolean {
  let name: keyof Row;
  for (name in row) {
    if (!isEqual(known[name], row[name])) return false;
  }
  return true;
}

function isEqual(before: unknown, now: unknown): boolean {
  if (before === now) return true;
  // Every post has a date, and a deep comparison takes ten times as long.
  if (before instanceof Date && now instanceof Date) return before.getTime() === now.getTime();
  return isDeepStrictEqual(before, now);
}
