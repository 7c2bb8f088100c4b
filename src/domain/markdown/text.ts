/** Markdown and the HTML rendered from it. */
export interface Rendered {
  readonly body: string;
  readonly html: string;
}

/** Renders Markdown to safe HTML. Both methods throw DomainError `unrenderable`, or Busy. */
export interface Markdown {
  post(body: string): Promise<Rendered>;
  /** Comments have no block elements. */
  comment(body: string): Promise<Rendered>;
}

export type TextKind = 'post' | 'comment';

/** The maximum length of a text, in characters. */
export const LONGEST_BODY = 50_000;
