import { isIP } from 'node:net';

/** A site as WebAuthn knows it: a domain, and the one origin that may ask for its passkeys. */
export interface RelyingParty {
  readonly id: string;
  readonly origin: string;
}

/**
 * The relying party of a site. Browsers refuse passkeys on IP addresses and over plain http, except at `localhost`
 * (WebAuthn, 5.1.2 and 13.4.9).
 *
 * @returns undefined if the site cannot have passkeys
 */
export function relyingPartyOf(baseUrl: string): RelyingParty | undefined {
  const { hostname, origin, protocol } = new URL(baseUrl);
  const isLocal = hostname === 'localhost' || hostname.endsWith('.localhost');
  const isDomain = isIP(hostname.replace(/^\[|\]$/g, '')) === 0;
  return isDomain && (protocol === 'https:' || isLocal) ? { id: hostname, origin } : undefined;
}
