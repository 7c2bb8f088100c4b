/** The format of a variable. */
export interface Pattern {
  readonly pattern: RegExp;
  /** The format in words, for error messages and the reference. */
  readonly accepts: string;
}

export const SENDER: Pattern = {
  pattern: /^(?:[^\r\n<>]*<[^\s<>@]+@[^\s<>@]+>|[^\s<>@]+@[^\s<>@]+)$/,
  accepts: 'an address, as in "Pennypost <no-reply@example.com>"',
};
export const RETURN_PATH: Pattern = {
  // A local part has at most 64 octets (RFC 5321, 4.5.3.1.1), and a key takes 43 of them.
  pattern: /^[a-z\d_.-]{1,21}@[^\s<>@]+$/i,
  accepts: 'an address with at most 21 characters before the @, as in "bounces@example.com"',
};
export const SELECTOR: Pattern = {
  pattern: /^[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?$/i,
  accepts: 'letters, digits and hyphens, as in "pennypost"',
};
export const ONE_LINE: Pattern = { pattern: /^[^\r\n]*$/, accepts: 'one line of text' };
export const ADDRESS: Pattern = { pattern: /^[^\s<>@]+@[^\s<>@]+$/, accepts: 'an email address' };
export const CONTACT: Pattern = {
  pattern: /^(?:mailto:[^\s@]+@[^\s@]+|https:\/\/\S+)$/,
  accepts: 'a URL that begins with mailto: or https://',
};
export const WEBHOOK: Pattern = {
  pattern: /^(?:https:\/\/[^\s/]\S*|http:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?(?:\/\S*)?)$/,
  accepts: 'a URL that begins with https://, or http:// on this machine',
};
export const TOKEN: Pattern = {
  pattern: /^[\x21-\x7e]+$/,
  accepts: 'letters, digits and punctuation without spaces',
};
