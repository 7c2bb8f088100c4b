const SECRET = /pass|secret|token|auth|cookie|credential|api.?key|private/i;

/** The id of something secret, such as `passwordResetId`, is not secret. */
const ID = /Id$/;

/** Keys of personal data. Error messages may contain it too. */
const PERSONAL = /^(address|email|ip)$/i;

/**
 * Secrets in texts: the value after such a word, `user:password@` in URLs, and long random words. Each pattern only matches at the
 * start of a word, so a long word does not take quadratic time.
 */
const SECRETS_IN_TEXT: readonly (readonly [RegExp, string])[] = [
  [/(\b\w+:\/\/[^\s:/@]*:)[^\s@/]+(?=@)/g, '$1[redacted]'],
  [/\b(bearer|basic)\s+[\w.~+/=-]{6,}/gi, '$1 [redacted]'],
  [
    /(["']?(?<![\w-])[\w-]*(?:passw(?:or)?d|secret|token|cookie|credential|api.?key)["']?\s*[=:]\s*)(?:(["'])[\s\S]*?(?<!\\)\2|[^\s,;&]+)/gi,
    '$1$2[redacted]$2',
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

/** Redacts secrets in a text, such as an error message that quotes its input. Removes NUL, which PostgreSQL cannot store. */
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
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      isHidden(key, options) ? '[redacted]' : redact(inner, options),
    ]),
  );
}

/** Whether a payload's key has a value that is neither shown nor searched. */
export function isHidden(key: string, { hidesPeople }: Redaction = {}): boolean {
  const isSecret = SECRET.test(key) && !ID.test(key);
  return isSecret || (hidesPeople === true && PERSONAL.test(key));
}
