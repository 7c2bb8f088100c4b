import { createHash, randomBytes } from 'node:crypto';

/** A secret for somebody else to keep, and the hash of it for us. */
export interface MintedToken {
  /** 256 random bits in base64url: 43 characters that need no escaping in a URL or a cookie. */
  readonly token: string;
  readonly hash: Buffer;
}

export function mintToken(): MintedToken {
  const token = randomBytes(32).toString('base64url');
  return { token, hash: hashToken(token) };
}

/**
 * What is stored of a token. A token has 256 random bits, so unlike a password it cannot be guessed from a fast
 * hash: SHA-256 is enough, and a look-up by it tells nothing through its timing.
 */
export function hashToken(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
