/** The name of the constraint that a statement violated, or undefined for any other error. */
export function violatedConstraint(error: unknown): unknown {
  return error instanceof Error && 'constraint' in error ? error.constraint : undefined;
}
