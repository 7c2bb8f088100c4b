/** A placeholder for this site's origin; nobody can own `.invalid` (RFC 2606). */
const HERE = 'http://here.invalid';

/**
 * Returns a path to redirect to, or undefined if it would lead to another site: `//host`, `/\host`, `/.//host`, a scheme, a
 * tab in the middle. The target is resolved as browsers do, and the result must stay on this site when the browser resolves
 * it again.
 *
 * @param target the query parameter; an array if it is repeated, which is refused
 */
export function localPath(target: unknown): string | undefined {
  if (typeof target !== 'string' || !target.startsWith('/')) return undefined;
  const url = URL.parse(target, HERE);
  if (url?.origin !== HERE || url.pathname.startsWith('//')) return undefined;
  return url.pathname + url.search + url.hash;
}
