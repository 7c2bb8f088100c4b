import type { Dimensions } from '../images/image.ts';

/** Markdown and what is rendered from it. */
export interface Rendered {
  readonly body: string;
  /** Safe HTML. */
  readonly html: string;
  /** The beginning of a long post as safe HTML, for lists. Null for short posts and for comments. */
  readonly excerptHtml: string | null;
  /** The tags in a post's text, in lower case, each once, in order. Empty for comments. */
  readonly tags: readonly string[];
  /** The ids of the people mentioned as `@username`, each once, in order. */
  readonly mentions: readonly number[];
  /** The keys of the images in the text, each once, in order. Empty for comments. */
  readonly images: readonly string[];
}

/** Who may be mentioned: ids by usernames in lower case. `candidatesOf` says which names to look up. */
export type People = ReadonlyMap<string, number>;

/** The author's images that a post may show, by key. `resolveImages` finds them. */
export type Images = ReadonlyMap<string, Dimensions>;

/** Renders Markdown to safe HTML. Both methods throw DomainError `unrenderable`, or Busy. */
export interface Renderer {
  post(body: string, people?: People, images?: Images): Promise<Rendered>;
  comment(body: string, people?: People): Promise<Rendered>;
}

export interface Markdown extends Renderer {
  /** Renders one writer's texts one after the other, so that they keep nobody else waiting. */
  by(writerId: number): Renderer;
}

export type TextKind = 'post' | 'comment';

/** The renderer's version. Increment it whenever the HTML changes, to have older texts rendered again. */
export const RENDERER = 1;

/** The columns of a rendered comment. */
export function textColumns({ body, html }: Rendered) {
  return { body, body_html: html, renderer: RENDERER };
}

/** The maximum length of a text, in characters. */
export const MAX_BODY_LENGTH = 50_000;

/** The maximum length of a text's HTML in a list, in characters. Otherwise a page of long texts would have megabytes. */
export const MAX_HTML_IN_LIST = 10_000;
