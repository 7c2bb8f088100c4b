import type { CookieSerializeOptions } from '@fastify/cookie';

export interface Cookie {
  readonly name: string;
  readonly options: CookieSerializeOptions;
}

/** Over https the `__Host-` prefix makes browsers refuse a cookie set by another host or over plain http. */
export function hostCookie(name: string, isHttps: boolean): Cookie {
  return {
    name: isHttps ? `__Host-${name}` : name,
    options: { path: '/', httpOnly: true, sameSite: 'lax', secure: isHttps },
  };
}
