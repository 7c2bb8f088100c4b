import { LRUCache } from 'lru-cache';

/** What a fragment shows: a row of a list, by its id. */
export interface FragmentData {
  readonly id: number;
}

interface Fragment {
  readonly data: FragmentData;
  readonly html: string;
}

/** In characters of HTML: a few thousand posts. */
const MOST_CHARACTERS = 4 * 2 ** 20;

/**
 * Renders what everybody sees alike of a row once, and again when anything in its data has changed. Nothing is ever
 * out of date, for the data that a fragment was made from is compared each time with the data that is to be shown.
 */
export class Fragments {
  readonly #render: (template: string, data: FragmentData) => string;
  readonly #fragments = new LRUCache<string, Fragment>({
    maxSize: MOST_CHARACTERS,
    sizeCalculation: ({ html }) => html.length + 500,
  });

  constructor(render: (template: string, data: FragmentData) => string) {
    this.#render = render;
  }

  /** @param data all that the template prints */
  render(template: string, data: FragmentData): string {
    const key = `${template} ${data.id}`;
    const known = this.#fragments.get(key);
    if (known !== undefined && isSame(known.data, data)) return known.html;
    const html = this.#render(template, data);
    this.#fragments.set(key, { data, html });
    return html;
  }
}

/** Whether two rows of the same query have the same in every column. */
function isSame<Row extends object>(known: Row, row: Row): boolean {
  let name: keyof Row;
  for (name in row) {
    const [before, now] = [known[name], row[name]];
    if (before === now) continue;
    if (!(before instanceof Date && now instanceof Date && before.getTime() === now.getTime())) return false;
  }
  return true;
}
