/** The queue for jobs that have failed for good. */
export function deadLetterName({ name }: { readonly name: string }): string {
  return `${name}.dead`;
}
