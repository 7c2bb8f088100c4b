/** PostgreSQL's `unique_violation`. */
const UNIQUE_VIOLATION = '23505';

/** The name of the unique constraint that an insert or update violated, or undefined for any other error. */
export function violatedConstraint(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || error.code !== UNIQUE_VIOLATION) return undefined;
  return 'constraint' in error ? String(error.constraint) : undefined;
}
