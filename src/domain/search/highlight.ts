/** The database puts these around matches. They are private-use characters, which `plain_text` removes from texts. */
export const MARKS = { start: '\uE000', end: '\uE001' } as const;

/** A part of an excerpt. */
export interface Part {
  readonly text: string;
  readonly isFound: boolean;
}

/** The length of an excerpt, in characters. */
const EXCERPT_LENGTH = 240;

/** Characters before the first match. */
const LEAD_LENGTH = 60;

const COMBINING = /^[\u0300-\u036F]$/;

/**
 * Extracts an excerpt around the first match in a text.
 *
 * @param text as it was written
 * @param marked the same text with marks, perhaps without accents and with other characters replaced
 */
export function excerptAround(text: string, marked: string): Part[] {
  const characters = [...text.normalize('NFC')];
  const found = foundIn(characters, marked);
  const first = found.indexOf(true);
  const start = first <= LEAD_LENGTH ? 0 : wordStart(characters, first - LEAD_LENGTH, first);
  const end = Math.min(characters.length, start + EXCERPT_LENGTH);

  const parts: { text: string; isFound: boolean }[] = [];
  const add = (character: string, isFound: boolean) => {
    const last = parts.at(-1);
    if (last?.isFound === isFound) last.text += character;
    else parts.push({ text: character, isFound });
  };
  if (start > 0) add('…', false);
  for (let index = start; index < end; index += 1) add(characters[index] ?? '', found[index] ?? false);
  if (end < characters.length) add('…', false);
  return parts.map(({ text, isFound }) => ({ text: text.replaceAll(/\s+/g, ' '), isFound }));
}

/** Whether each character is between marks. None is if the two texts do not correspond. */
function foundIn(characters: readonly string[], marked: string): boolean[] {
  const found: boolean[] = [];
  let isWithin = false;
  for (const character of marked) {
    if (character === MARKS.start) isWithin = true;
    else if (character === MARKS.end) isWithin = false;
    else {
      // The database has removed accents that cannot be combined with their letter.
      while (COMBINING.test(characters[found.length] ?? '') && characters[found.length] !== character)
        found.push(found.at(-1) ?? false);
      found.push(isWithin);
    }
  }
  return found.length <= characters.length ? found : [];
}

/** The index after the first space in a range, or the beginning of the range. */
function wordStart(characters: readonly string[], from: number, to: number): number {
  const space = characters.slice(from, to).findIndex((character) => /\s/.test(character));
  return from + space + 1;
}
