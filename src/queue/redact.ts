const SECRET = /pass|secret|token|auth|cookie|credential|api.?key|private/i;

/** The id of something secret, such as `passwordResetId`, is none. */
const ID = /Id$/;

/** A key that names something personal which an error message may also hold. */
const PERSONAL = /^(address|email|ip)$/i;

/**
 * Secrets in texts: what follows such a word, `user:password@` in URLs, and long random words. Each pattern can only begin where
 * a word does, so that a long word does not cost the square of its length.
 */
const SECRETS_IN_TEXT: readonly (readonly [RegExp, string])[] = [
  [/(\b\w+:\/\/[^\s:/@]*:)[^\s@/]+(?=@)/g, '$1[redacted]'],
  [/\b(bearer|basic)\s+[\w.~+/=-]{6,}/gi, '$1 [redacted]'],
  [
    /(["']?(?<![\w-])[\w-]*(?:passw(?:or)?d|secret|token|cookie|credential|api.?key)["']?\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s,;&]+)/gi,
    '$1[redacted]',
  ],
  [/(?<![\w-])(?=[\w-]*[a-z])(?=[\w-]*[A-Z])(?=[\w-]*\d)[\w-]{40,}/g, '[redacted]'],
];

const EMAIL = /(?<![^\s<>"'(),:;=])[^\s<>"'(),:;=]+@[^\s<>"'(),:;]+/g;
const IP_ADDRESS =
  /\b(?:\d{1,3}\.){3}\d{1,3}\b|\b(?:[\da-f]{1,4}:){3,7}[\da-f:]*\b|\b(?:[\da-f]{1,4}:)+(?::[\da-f]{1,4})+\b/gi;

/** What else to hide. */
export interface Redaction {
  /** Whether to hide email and IP addresses too. */
  readonly hidesPeople?: boolean;
}

/** Redacts secrets in a text, such as an error message that quotes what was sent. Leaves out NUL, which PostgreSQL cannot store. */
export function redactText(text: string, { hidesPeople = false }: Redaction = {}): string {
  const storable = text.replaceAll('\0', '');
  const safe = SECRETS_IN_TEXT.reduce((rest, [secret, mark]) => rest.replace(secret, mark), storable);
  return hidesPeople ? safe.replace(EMAIL, '[address]').replace(IP_ADDRESS, '[address]') : safe;
}

/**
 * Redacts values whose keys name a secret, at any depth, and secrets in texts. Payloads should not hold any; this is a
 * safeguard.
 */
export function redact(value: unknown, options: Redaction = {}): unknown {
  if (Array.isArray(value)) return value.map((inner) => redact(inner, options));
  if (typeof value === 'string') return redactText(value, options);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      isHidden(key, options) ? '[redacted]' : redact(inner, options),
    ]),
  );
}

/** Whether the values of a payload's key are neither shown nor searched. */
export function isHidden(key: string, { hidesPeople }: Redaction = {}): boolean {
  const isSecret = SECRET.test(key) && !ID.test(key);
  return isSecret || (hidesPeople === true && PERSONAL.test(key));
}
