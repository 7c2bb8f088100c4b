/** Those that only ask for something to read. */
export const READING_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD']);

/** Those that change nothing (RFC 9110, section 9.2.1). */
export const SAFE_METHODS: ReadonlySet<string> = new Set([...READING_METHODS, 'OPTIONS']);
