import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate, zstdDecompress } from 'node:zlib';
import { MARKER } from './odd-values.ts';
import type { Answer } from './send.ts';

/** What every HTML page must have. */
const SECURITY_HEADERS = [
  'content-security-policy',
  'cross-origin-opener-policy',
  'referrer-policy',
  'x-content-type-options',
  'x-frame-options',
];

/** What a stack trace or a database error looks like. */
const INTERNALS =
  /\n\s+at .+:\d+:\d+|node_modules\/|node:internal|file:\/\/\/|SQLSTATE|pg_catalog|violates .*constraint/;

const DECODERS: Readonly<Record<string, (body: Buffer) => Promise<Buffer>>> = {
  br: promisify(brotliDecompress),
  gzip: promisify(gunzip),
  deflate: promisify(inflate),
  zstd: promisify(zstdDecompress),
};

/** Lists what is wrong with an answer, whatever the request was. */
export async function findFaults(
  { status, headers, body, isHeadTooLarge }: Answer,
  method: string,
): Promise<string[]> {
  const faults: string[] = [];
  if (isHeadTooLarge === false && status === 431) faults.push('status 431 for a head that is not too large');
  if (isHeadTooLarge && status !== 431) faults.push(`status ${status} for a head that is too large`);
  const isShed = status === 503 && headers['retry-after'] !== undefined;
  if (status >= 500 && !isShed) faults.push(`status ${status}`);
  if (headers['x-content-type-options'] !== 'nosniff') faults.push('no security headers');
  faults.push(...faultsOfLocation(headers.location), ...faultsOfCookies(headers['set-cookie']));
  if (method === 'HEAD' || body.length === 0) return faults;

  const type = headers['content-type'] ?? '';
  if (type === '') faults.push('a body without Content-Type');
  let text: string;
  try {
    text = (await decode(body, headers['content-encoding'])).toString();
  } catch {
    return [...faults, `a body that is not ${headers['content-encoding']}`];
  }
  if (/^(?:text\/html|application\/json|text\/plain)/.test(type) && INTERNALS.test(text))
    faults.push(`internals: ${INTERNALS.exec(text)?.[0].trim()}`);
  if (type.startsWith('text/html')) {
    const missing = SECURITY_HEADERS.filter((name) => headers[name] === undefined);
    if (missing.length > 0) faults.push(`a page without ${missing.join(', ')}`);
    if (text.includes(`<${MARKER}`)) faults.push('a page with unescaped text');
  } else if (type.startsWith('application/json') && !isJson(text)) faults.push('a body that is not JSON');
  return faults;
}

async function decode(body: Buffer, encoding = 'identity'): Promise<Buffer> {
  return encoding === 'identity' ? body : ((await DECODERS[encoding]?.(body)) ?? body);
}

/** Redirects must not lead to another site. */
function faultsOfLocation(location: string | undefined): string[] {
  return location === undefined || /^\/(?![/\\])[\x21-\x7e]*$/.test(location)
    ? []
    : [`a redirect to ${location.slice(0, 60)}`];
}

function faultsOfCookies(cookies: readonly string[] = []): string[] {
  return cookies.every((cookie) => /^[\w-]+=[^;\s]*;/.test(cookie)) ? [] : ['a broken cookie'];
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
