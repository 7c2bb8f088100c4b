/** What is said of a mailed link that was used, is old, or was made up. */
export const INVALID_LINK = 'That link is invalid or has expired.';
