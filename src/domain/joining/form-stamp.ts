import { createHmac, timingSafeEqual } from 'node:crypto';

/** How long a form may stay open, in seconds: a day. */
const MAX_AGE = 24 * 60 * 60;

/**
 * Makes a signed stamp with the time at which a form was shown. It reveals forms that were sent faster than a person can
 * fill them in, without a cookie or a row per visit.
 *
 * @param now in milliseconds
 */
export function stampForm(key: string, now = Date.now()): string {
  const shownAt = String(Math.floor(now / 1000));
  return `${shownAt}.${sign(key, shownAt)}`;
}

/**
 * Returns how many seconds ago a form was shown. Undefined if the stamp is older than a day, or was not made with this key.
 *
 * @param now in milliseconds
 */
export function ageOfForm(key: string, stamp: string, now = Date.now()): number | undefined {
  const [, shownAt = '', signature = ''] = /^(\d{1,12})\.([\w-]{43})$/.exec(stamp) ?? [];
  if (!timingSafeEqual(Buffer.from(signature.padEnd(43)), Buffer.from(sign(key, shownAt)))) return undefined;
  const age = Math.max(0, now / 1000 - Number(shownAt)); // The clock of the process that showed it may be ahead.
  return age <= MAX_AGE ? age : undefined;
}

function sign(key: string, shownAt: string): string {
  return createHmac('sha256', key).update(shownAt).digest('base64url');
}
