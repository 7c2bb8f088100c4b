import { diffArrays } from 'diff';

/** A part of two compared texts. `cut` stands for a long part that both have. */
export interface ComparedPart {
  readonly kind: 'same' | 'removed' | 'added' | 'cut';
  readonly text: string;
}

/** Two versions of a text. */
export interface ComparedTexts {
  readonly former: string;
  readonly next: string;
}

/** The differences between two texts. */
export interface Comparison {
  readonly parts: readonly ComparedPart[];
  /** How many words were added and removed. */
  readonly added: number;
  readonly removed: number;
}

interface Change {
  readonly value: readonly string[];
  readonly added: boolean;
  readonly removed: boolean;
}

/** Texts with more differences are compared by lines and, if there are still more, not at all. */
const MAX_CHANGES = 1_000;

/** A safety net: MAX_CHANGES usually ends a long comparison sooner. */
const TIMEOUT_MS = 500;

/** Characters shown before and after a change. */
const CONTEXT_LENGTH = 200;

const words = new Intl.Segmenter(undefined, { granularity: 'word' });

/** The space between two changes that may be joined. */
const SPACE = /^[^\S\n]+$/;

const NOTHING = { removed: '', added: '', space: '' };

/** Compares two texts by words, in any language. This may take a second, so requests use `app.compareTexts`. */
export default function compareTexts({ former, next }: ComparedTexts): Comparison {
  const changes =
    differencesOf(former, next, wordsOf) ?? differencesOf(former, next, linesOf) ?? whole(former, next);
  const parts = grouped(changes);
  const last = parts.length - 1;
  return {
    parts: parts.flatMap((part, index) =>
      part.kind === 'same' ? shorten(part, index === 0, index === last) : [part],
    ),
    added: countWords(parts, 'added'),
    removed: countWords(parts, 'removed'),
  };
}

function wordsOf(text: string): string[] {
  return Array.from(words.segment(text), ({ segment }) => segment);
}

function linesOf(text: string): string[] {
  return text.split(/(?<=\n)/);
}

function differencesOf(
  former: string,
  next: string,
  split: (text: string) => string[],
): readonly Change[] | undefined {
  return diffArrays(split(former), split(next), { maxEditLength: MAX_CHANGES, timeout: TIMEOUT_MS });
}

function whole(former: string, next: string): readonly Change[] {
  return [
    { value: [former], removed: true, added: false },
    { value: [next], removed: false, added: true },
  ];
}

/**
 * Joins changes across the spaces between words, to keep phrases whole. Puts removed text before added text.
 */
function grouped(changes: readonly Change[]): ComparedPart[] {
  const parts: { kind: 'same' | 'removed' | 'added'; text: string }[] = [];
  let pending = NOTHING;
  const push = (kind: 'same' | 'removed' | 'added', text: string) => {
    if (text !== '') parts.push({ kind, text });
  };
  const flush = () => {
    push('removed', pending.removed);
    push('added', pending.added);
    push('same', pending.space);
    pending = NOTHING;
  };
  for (const { value, added, removed } of changes) {
    const text = value.join('');
    if (added || removed) {
      pending = {
        removed: pending.removed + pending.space + (removed ? text : ''),
        added: pending.added + pending.space + (added ? text : ''),
        space: '',
      };
    } else if (pending.removed !== '' && pending.added !== '' && SPACE.test(text)) {
      pending = { ...pending, space: text };
    } else {
      flush();
      push('same', text);
    }
  }
  flush();
  return parts;
}

/** Cuts the middle of a long unchanged part, and the end of it that is not beside a change. */
function shorten({ text }: ComparedPart, isFirst: boolean, isLast: boolean): ComparedPart[] {
  const characters = [...text];
  const [head, tail] = [isFirst ? 0 : CONTEXT_LENGTH, isLast ? 0 : CONTEXT_LENGTH];
  if (characters.length <= head + tail + CONTEXT_LENGTH) return [{ kind: 'same', text }];
  const shown = [characters.slice(0, head), characters.slice(characters.length - tail)];
  const [before, after] = shown.map((some) =>
    some.length === 0 ? [] : [{ kind: 'same' as const, text: some.join('') }],
  );
  return [...(before ?? []), { kind: 'cut', text: '' }, ...(after ?? [])];
}

function countWords(parts: readonly ComparedPart[], kind: 'removed' | 'added'): number {
  let count = 0;
  for (const part of parts) {
    if (part.kind === kind)
      for (const { isWordLike } of words.segment(part.text)) count += isWordLike ? 1 : 0;
  }
  return count;
}
