/** The maximum length of a title, in characters. */
export const MAX_TITLE_LENGTH = 200;

/** A title on one line with a visible character; or empty, for no title. */
export const TITLE_PATTERN = `^(?=$|.*[\\p{L}\\p{N}\\p{P}\\p{S}])[^\\p{Cc}\\p{Cs}\\p{Zl}\\p{Zp}]{0,${MAX_TITLE_LENGTH}}$`;

/** Explains the pattern to people. */
export const TITLE_RULE = `Enter one line of at most ${MAX_TITLE_LENGTH} characters.`;
