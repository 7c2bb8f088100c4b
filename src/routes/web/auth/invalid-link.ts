/** The message for a mailed link that was used, has expired or is made up. */
export const INVALID_LINK = 'That link is invalid or has expired.';
