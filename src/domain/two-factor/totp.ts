import { Secret, TOTP } from 'otpauth';

/** Bytes of a secret (RFC 4226, section 4, R6). */
const SECRET_BYTES = 20;

/** How many time steps early or late a code is accepted, because clocks differ (RFC 6238, 5.2). */
const WINDOW = 1;

/** The form of a secret: 20 bytes in Base32. */
export const TOTP_SECRET_PATTERN = '^[A-Z2-7]{32}$';

/** Makes a secret for an authenticator app, in Base32. */
export function newTotpSecret(): string {
  return new Secret({ size: SECRET_BYTES }).base32;
}

/** The URI that apps read from a QR code. They list it by its issuer and label. */
export function totpUri(secret: string, { issuer, label }: { issuer: string; label: string }): string {
  return new TOTP({ secret, issuer, label }).toString();
}

/**
 * Finds the time step to which a code of six digits belongs: the number of 30 seconds since 1970.
 *
 * @param now in milliseconds since 1970
 * @returns undefined if the code is wrong or too old
 */
export function stepOfCode(secret: string, code: string, now = Date.now()): number | undefined {
  const totp = new TOTP({ secret });
  const distance = totp.validate({ token: code, timestamp: now, window: WINDOW });
  return distance === null ? undefined : totp.counter({ timestamp: now }) + distance;
}
