const SECRET = /pass|secret|token|auth|cookie|credential|api.?key|private/i;

/** A value without what its keys say is secret, at any depth. Payloads hold no secrets; this is for the one that did. */
export function redact(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(redact);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, SECRET.test(key) ? '[redacted]' : redact(inner)]),
  );
}
