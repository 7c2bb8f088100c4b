import { hash, randomBytes } from 'node:crypto';

/** A secret to hand out, and its hash to store. */
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
 * Hashes a token for storage. Unlike a password, 256 random bits cannot be guessed even from a fast hash, and a look-up by hash
 * leaks nothing through its timing.
 */
export function hashToken(token: string): Buffer {
  return hash('sha256', token, 'buffer');
}
