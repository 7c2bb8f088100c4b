import { randomBytes } from 'node:crypto';
import type { Token } from 'markdown-it';
import { createToken } from './markdown-it.ts';

interface Note {
  readonly tokens: Token[];
  /** Its number in the list, from 1; 0 while nothing refers to it. */
  number: number;
  /** References to it so far. */
  references: number;
}

/**
 * Moves the footnotes of a parsed text to its end, numbered in the order of their first references, and links both ways.
 * A note without a reference is kept. Two notes with the same label become one. Ids begin with random characters,
 * because a page may have several texts.
 */
export function moveFootnotes(tokens: readonly Token[]): Token[] {
  const { text, notes } = takeOut(tokens);
  if (notes.size === 0) return text;
  const prefix = randomBytes(4).toString('hex');
  const listed: Note[] = [];
  const refer = (some: readonly Token[]) => {
    for (const token of referencesIn(some)) {
      const note = notes.get(labelOf(token));
      if (note !== undefined) link(token, note, { listed, prefix });
    }
  };
  refer(text);
  // The list grows while it is read: notes may refer to notes.
  for (const note of listed) refer(note.tokens);
  for (const note of notes.values()) {
    if (note.number > 0) continue;
    note.number = listed.push(note);
    refer(note.tokens);
  }
  return [
    ...text,
    createToken('notes_open', 'section', { nesting: 1, attrs: { class: 'footnotes' } }),
    createToken('notes_list_open', 'ol', { nesting: 1 }),
    ...listed.flatMap((note) => item(note, prefix)),
    createToken('notes_list_close', 'ol', { nesting: -1 }),
    createToken('notes_close', 'section', { nesting: -1 }),
  ];
}

/** Separates the notes from the text. */
function takeOut(tokens: readonly Token[]): { text: Token[]; notes: Map<string, Note> } {
  const text: Token[] = [];
  const notes = new Map<string, Note>();
  const open: Note[] = [];
  for (const token of tokens) {
    if (token.type === 'footnote_reference_open') {
      const label = labelOf(token);
      const note = notes.get(label) ?? { tokens: [], number: 0, references: 0 };
      notes.set(label, note);
      open.push(note);
    } else if (token.type === 'footnote_reference_close') open.pop();
    else (open.at(-1)?.tokens ?? text).push(token);
  }
  return { text, notes };
}

function labelOf({ meta }: Token): string {
  return String(meta?.label);
}

function referencesIn(tokens: readonly Token[]): Token[] {
  return tokens.flatMap(({ children }) => children?.filter(({ type }) => type === 'footnote_ref') ?? []);
}

function link(token: Token, note: Note, { listed, prefix }: { listed: Note[]; prefix: string }): void {
  if (note.number === 0) note.number = listed.push(note);
  note.references += 1;
  token.content = String(note.number);
  token.attrs = [
    ['class', 'footnote'],
    ['href', `#fn-${prefix}-${note.number}`],
    ['id', referenceId(note, note.references, prefix)],
    ['aria-label', `Footnote ${note.number}`],
  ];
}

function referenceId({ number }: Note, reference: number, prefix: string): string {
  return `fnref-${prefix}-${number}-${reference}`;
}

function item(note: Note, prefix: string): Token[] {
  const backLinks = Array.from({ length: note.references }, (_, index) =>
    createToken('reference', 'a', {
      content: '↩\uFE0E',
      attrs: {
        class: 'footnote',
        href: `#${referenceId(note, index + 1, prefix)}`,
        'aria-label': 'Back to the text',
      },
    }),
  );
  const last = note.tokens.at(-1);
  const end = last?.type === 'paragraph_close' ? [last] : [];
  return [
    createToken('note_open', 'li', { nesting: 1, attrs: { id: `fn-${prefix}-${note.number}` } }),
    ...note.tokens.slice(0, note.tokens.length - end.length),
    ...backLinks.flatMap((backLink) => [createToken('text', '', { content: ' ' }), backLink]),
    ...end,
    createToken('note_close', 'li', { nesting: -1 }),
  ];
}
