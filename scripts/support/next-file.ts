/** The test between two files, and the message by which a test process asks for the next one. */
export const NEXT_FILE = 'next file';

/** The answer when none is left. */
export const NO_FILE = '';
