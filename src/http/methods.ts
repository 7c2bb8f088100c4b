/** Methods that only read. */
export const READING_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD']);

/** Methods without side effects (RFC 9110, section 9.2.1). */
export const SAFE_METHODS: ReadonlySet<string> = new Set([...READING_METHODS, 'OPTIONS']);
