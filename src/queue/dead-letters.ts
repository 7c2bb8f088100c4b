const SUFFIX = '.dead';

/** The queue for jobs that have failed for good. */
export function deadLetterName({ name }: { readonly name: string }): string {
  return `${name}${SUFFIX}`;
}

export function isDeadLetter(queue: string): boolean {
  return queue.endsWith(SUFFIX);
}
