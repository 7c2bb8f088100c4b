/** What a local part is made of (RFC 5321's atoms): no quotes, no spaces, no dot at either end. */
const ATOM = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+";
const LABEL = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?';

/**
 * The addresses that can have an account: those that mail servers deliver to everywhere, in ASCII. As a pattern,
 * for schemas; the longest is `EMAIL_LENGTH`.
 */
export const EMAIL_PATTERN = `^(?=[^@]{1,64}@)${ATOM}(?:\\.${ATOM})*@(?:localhost|(?:${LABEL}\\.)+[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9]))$`;

/** In characters (RFC 5321, section 4.5.3.1.3, less the brackets). */
export const EMAIL_LENGTH = 254;

const EMAIL = new RegExp(EMAIL_PATTERN);

/** Whether a text is an address that can have an account. */
export function isEmail(text: string): boolean {
  return text.length <= EMAIL_LENGTH && EMAIL.test(text);
}

/**
 * The one form of an address that differs in nothing but case. In ASCII, JavaScript and PostgreSQL agree on what
 * that is; they would not on `İ`.
 *
 * @param email for which `isEmail` holds
 */
export function canonicalEmail(email: string): string {
  return email.toLowerCase();
}
