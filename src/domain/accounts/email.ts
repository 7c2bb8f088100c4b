/** Between the dots of the local part: an RFC 5321 atom, so no quotes or spaces. */
const ATOM = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+";
const LABEL = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?';

/** The addresses that can have an account, as a pattern for schemas: ASCII, and deliverable by every mail server. */
export const EMAIL_PATTERN = `^(?=[^@]{1,64}@)${ATOM}(?:\\.${ATOM})*@(?:localhost|(?:${LABEL}\\.)+[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9]))$`;

/** The maximum length in characters (RFC 5321, section 4.5.3.1.3, without the brackets). */
export const MAX_EMAIL_LENGTH = 254;

const EMAIL = new RegExp(EMAIL_PATTERN);

/** Whether an address can have an account. */
export function isEmail(text: string): boolean {
  return text.length <= MAX_EMAIL_LENGTH && EMAIL.test(text);
}

/**
 * The lower-case form of an address. JavaScript and PostgreSQL agree on lower case in ASCII, but not for letters such as
 * `İ`.
 *
 * @param email for which `isEmail` holds
 */
export function canonicalEmail(email: string): string {
  return email.toLowerCase();
}
