import type { FastifyRequest } from 'fastify';
import ipaddr from 'ipaddr.js';
import { DomainError } from '../errors.ts';

/** Host names of this machine. Another site's name may resolve to loopback too (DNS rebinding). */
const LOOPBACK_HOST = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/i;

/** Headers that proxies add. */
const PROXY_HEADER = /^(?:via|forwarded|x-real-ip|x-forwarded-.*)$/;

/** Whether a request comes from this machine: over loopback, to a loopback host, without a proxy. */
export function isFromThisMachine({ ip, headers }: FastifyRequest): boolean {
  return (
    ipaddr.process(ip).range() === 'loopback' &&
    LOOPBACK_HOST.test(headers.host ?? '') &&
    !Object.keys(headers).some((name) => PROXY_HEADER.test(name))
  );
}

/**
 * Makes a hook that only accepts requests from this machine.
 *
 * @param message for all other requests
 */
export function requireThisMachine(message: string) {
  return async function requireThisMachine(request: FastifyRequest): Promise<void> {
    if (!isFromThisMachine(request)) throw new DomainError('forbidden', message);
  };
}
