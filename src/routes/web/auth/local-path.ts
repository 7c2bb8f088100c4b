/** Stands for this site while a path is resolved as a browser would; `.invalid` is nobody's (RFC 2606). */
const HERE = 'http://here.invalid';

/**
 * A place within this site to go on to, or undefined for anything that would lead elsewhere: `//host`, `/\host`,
 * `/.//host`, a scheme, a tab in the middle. It is resolved by the rules browsers follow, and what is left must stay
 * here when it is resolved once more, as a browser does with the answer.
 *
 * @param target what the query said; a repeated parameter is an array, and refused
 */
export function localPath(target: unknown): string | undefined {
  if (typeof target !== 'string' || !target.startsWith('/')) return undefined;
  const url = URL.parse(target, HERE);
  if (url?.origin !== HERE || url.pathname.startsWith('//')) return undefined;
  return url.pathname + url.search + url.hash;
}
