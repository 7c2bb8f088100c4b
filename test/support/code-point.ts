import fc from 'fast-check';

const LAST = 0x10_ffff;
const SURROGATES = { first: 0xd8_00, count: 0x8_00 };

/**
 * Any character of Unicode, as a unit for `fc.string`. The library's own unit for this, `binary`, first indexes all million of
 * them, which takes a process a second and 100 MB.
 */
export const codePoint: fc.Arbitrary<string> = fc
  .nat(LAST - SURROGATES.count)
  .map((n) => String.fromCodePoint(n < SURROGATES.first ? n : n + SURROGATES.count), numberOf);

/** The inverse, by which fast-check finds out that a string like `__proto__` can be made of these. */
function numberOf(value: unknown): number {
  const [character = '', ...more] = typeof value === 'string' ? value : '';
  const code = character.codePointAt(0);
  if (code === undefined || more.length > 0 || !character.isWellFormed())
    throw new Error('not one character');
  return code < SURROGATES.first ? code : code - SURROGATES.count;
}
