/** The longest title, in characters. */
export const LONGEST_TITLE = 200;

/** A title that is trimmed, on one line and with something to see, or an empty text for none. */
export const TITLE_PATTERN = `^(?=$|.*[\\p{L}\\p{N}\\p{P}\\p{S}])[^\\p{Cc}\\p{Cs}\\p{Zl}\\p{Zp}]{0,${LONGEST_TITLE}}$`;

/** What the pattern asks for. */
export const TITLE_RULE = `Enter one line of at most ${LONGEST_TITLE} characters.`;
