/** The maximum size of an upload, in bytes. */
export const MAX_IMAGE_UPLOAD = 10 * 2 ** 20;

/** The maximum length of an alternative text, in characters. */
export const MAX_ALT_LENGTH = 1_000;

/**
 * The widths in which images are stored, in pixels. A column of text is up to 608 CSS pixels wide and a phone about 390, and
 * screens have two or three pixels for each.
 */
const WIDTHS = [640, 1280, 1920] as const;

const [, USUAL_WIDTH] = WIDTHS;

export const MAX_WIDTH = WIDTHS[2];

/** How wide a page shows an image: the column's width, or the screen's. */
const SHOWN_WIDTH = 'min(38rem, 100vw)';

/** A `key` as it is in paths. */
export const KEY_PATTERN = '[\\w-]{22}';

const ADDRESS = new RegExp(`^/images/(${KEY_PATTERN})(?:/\\d+\\.webp)?$`);

/** In pixels. */
export interface Dimensions {
  readonly width: number;
  readonly height: number;
}

/** The widths in which an image of this width is stored. */
export function widthsOf(width: number): number[] {
  const largest = Math.min(width, MAX_WIDTH);
  return [...WIDTHS.filter((smaller) => smaller < largest), largest];
}

/** The address of an image in Markdown. It leads to the largest file. */
function imagePath(key: string): string {
  return `/images/${key}`;
}

/** The path of a file. If there is none of this width, it serves the nearest one. */
function imageFilePath(key: string, width: number): string {
  return `${imagePath(key)}/${width}.webp`;
}

/** The path of an image's largest file. */
export function largestFilePath(key: string): string {
  return imageFilePath(key, MAX_WIDTH);
}

/** The key in an image's address, or in that of one of its files. */
export function keyOf(path: string): string | undefined {
  return ADDRESS.exec(path)?.[1];
}

/** The key of the first image in a post's HTML. */
export function firstImageIn(html: string): string | undefined {
  return new RegExp(`<img [^>]*src="${imagePath(`(${KEY_PATTERN})`)}/`).exec(html)?.[1];
}

/** The attributes of an `img` element without its alternative text. They stay valid when the image's job has run. */
export function imageAttributes(key: string, { width, height }: Dimensions): Record<string, string> {
  const widths = widthsOf(width);
  const srcset = widths.map((each) => `${imageFilePath(key, each)} ${each}w`).join(', ');
  return {
    src: imageFilePath(key, Math.min(width, USUAL_WIDTH)),
    ...(widths.length > 1 && { srcset, sizes: SHOWN_WIDTH }),
    width: String(width),
    height: String(height),
    loading: 'lazy',
    decoding: 'async',
  };
}

/** The Markdown that shows an image. */
export function imageMarkdown({ key, alt }: { readonly key: string; readonly alt: string }): string {
  const text = alt.replaceAll(/\s+/g, ' ').replaceAll(/[\\[\]`*_~<&]/g, '\\$&');
  return `![${text}](${imagePath(key)})`;
}
