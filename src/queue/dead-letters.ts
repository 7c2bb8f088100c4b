const SUFFIX = '.dead';

/** How long dead letters are kept for an operator. */
export const KEEP_DEAD_SECONDS = 90 * 24 * 60 * 60;

/** The queue for jobs that have failed for good. */
export function deadLetterName({ name }: { readonly name: string }): string {
  return `${name}${SUFFIX}`;
}

export function isDeadLetter(queue: string): boolean {
  return queue.endsWith(SUFFIX);
}
