/** The name of the test between two files, and the message that requests the next file. */
export const NEXT_FILE = 'next file';

/** The response if no file is left. */
export const NO_FILE = '';
