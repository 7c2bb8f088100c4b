const SECRET = /pass|secret|token|auth|cookie|credential|api.?key|private/i;

/** Redacts values whose keys name a secret, at any depth. Payloads should not hold any; this is a safeguard. */
export function redact(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(redact);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, SECRET.test(key) ? '[redacted]' : redact(inner)]),
  );
}
