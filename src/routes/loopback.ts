import type { FastifyRequest } from 'fastify';
import ipaddr from 'ipaddr.js';
import { DomainError } from '../errors.ts';

/** What a browser at this machine calls it. Any other name may be another site's that resolves to loopback. */
const LOOPBACK_HOST = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/i;

/** What proxies add to the requests they pass on. */
const PROXY_HEADER = /^(?:via|forwarded|x-real-ip|x-forwarded-.*)$/;

/** Whether a request was made at this very machine: over loopback, to a loopback host, and through no proxy. */
export function isFromThisMachine({ ip, headers }: FastifyRequest): boolean {
  return (
    ipaddr.process(ip).range() === 'loopback' &&
    LOOPBACK_HOST.test(headers.host ?? '') &&
    !Object.keys(headers).some((name) => PROXY_HEADER.test(name))
  );
}

/**
 * Makes a hook for routes that only somebody at this machine may use.
 *
 * @param message what everybody else is told
 */
export function requireThisMachine(message: string) {
  return async (request: FastifyRequest): Promise<void> => {
    if (!isFromThisMachine(request)) throw new DomainError('forbidden', message);
  };
}
