import cookie, { type CookieSerializeOptions } from '@fastify/cookie';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { recordVisit } from '../../domain/people/record-visit.ts';
import { recordEvent } from '../../domain/security-events/record.ts';
import { endSession } from '../../domain/sessions/end.ts';
import { type FoundSession, findSession, type SessionUser } from '../../domain/sessions/find.ts';
import { BROWSER_SECONDS, SESSION_SECONDS } from '../../domain/sessions/lifetime.ts';
import { type LogIn, logIn } from '../../domain/sessions/log-in.ts';
import { forgetMessages, leaveMessage } from '../../domain/sessions/messages.ts';
import { startAnonymousSession } from '../../domain/sessions/start.ts';
import { renewVerified } from '../../domain/sessions/verify.ts';
import { hashToken } from '../../domain/token.ts';
import { SAFE_METHODS } from '../http-methods.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks. Only requests of the web scope have one: the API does not know cookies. */
    session: WebSession;
  }
}

/** `request.session`: a row found by the hash of a random cookie, so every web process knows it and none can forge it. */
export default fp(
  async (app) => {
    await app.register(cookie);
    app.decorateRequest('session');
    app.addHook('onRequest', (request, reply, done) => {
      request.session = new WebSession(app, request, reply);
      if (!request.session.hasCookie) return done();
      request.session.open().then(() => done(), done);
    });
  },
  { name: 'session', dependencies: ['db', 'queue'] },
);

/** A browser that a household shares logs in to a few accounts; more of its tokens are not looked at. */
const MOST_TOKENS = 5;

/** Where a page is read from: who has a session must see what they have just done, all others may see it a moment later. */
export function readerFor({ session, server }: FastifyRequest): FastifyInstance['db'] {
  return session.isKnown ? server.db : server.replica;
}

/** One visitor's session during one request. */
export class WebSession {
  readonly #app: FastifyInstance;
  readonly #reply: FastifyReply;
  readonly #cookie: Cookie;
  readonly #browserCookie: Cookie;
  /** What the browser sent, whatever that is worth. */
  readonly #sent: string | undefined;
  /** By which tokens accounts may know this browser, the newest last. */
  readonly browsers: readonly string[];
  #token: string | undefined;
  #found: FoundSession | undefined;

  constructor(app: FastifyInstance, request: FastifyRequest, reply: FastifyReply) {
    this.#app = app;
    this.#reply = reply;
    const isHttps = app.config.baseUrl.startsWith('https:');
    this.#cookie = hostCookie('session', isHttps);
    this.#browserCookie = hostCookie('browser', isHttps);
    this.#sent = request.cookies[this.#cookie.name];
    this.browsers = request.cookies[this.#browserCookie.name]?.split('.').slice(-MOST_TOKENS) ?? [];
  }

  /** Whether there is anything to find. */
  get hasCookie(): boolean {
    return this.#sent !== undefined;
  }

  /** Finds the session of the cookie, if it is still good. */
  async open(): Promise<void> {
    if (this.#sent === undefined) return;
    this.#found = await findSession(this.#app.db, this.#sent);
    if (this.#found === undefined) return;
    this.#token = this.#sent;
    if (this.user?.isLastSeenStale) await recordVisit(this.#app.db, this.user.id);
    if (this.#found.wasRenewed) this.#sendCookie(this.#token, this.#found.isRemembered);
  }

  /** Whether the visitor has a session at all, signed in or not. */
  get isKnown(): boolean {
    return this.#found !== undefined;
  }

  /** Who is signed in, or null. */
  get user(): SessionUser | null {
    return this.#found?.user ?? null;
  }

  /** Names the session to the domain; its token stays here. Undefined when there is none. */
  get hash(): Buffer | undefined {
    return this.#token === undefined ? undefined : hashToken(this.#token);
  }

  /** Whether the password was given in this session in the last ten minutes. */
  get isVerified(): boolean {
    return this.#found?.isVerified ?? false;
  }

  /** The password was given again. The session gets a new token: one that was copied before is worth nothing then. */
  async verify(): Promise<void> {
    if (this.#token === undefined || this.#found === undefined) return;
    this.#token = await renewVerified(this.#app.db, this.#token);
    this.#sendCookie(this.#token, this.#found.isRemembered);
  }

  /**
   * Starts a session under a new token, so that a token known before the log-in is worth nothing after it.
   *
   * @throws DomainError `unauthorized` when the password has been changed meanwhile
   */
  async signIn(options: Pick<LogIn, 'id' | 'passwordHash' | 'isRemembered'>): Promise<void> {
    const { browsers } = this;
    const tokens = await logIn(this.#app, { ...options, browsers, address: this.#reply.request.ip });
    await this.#end();
    this.#token = tokens.session;
    this.#sendCookie(this.#token, options.isRemembered);
    if (tokens.browser === undefined) return;
    this.#reply.setCookie(this.#browserCookie.name, [...browsers, tokens.browser].join('.'), {
      ...this.#browserCookie.options,
      maxAge: BROWSER_SECONDS,
    });
  }

  /** Ends the session on this device only. */
  async signOut(): Promise<void> {
    if (this.user !== null) await recordEvent(this.#app.db, { kind: 'logged-out', userId: this.user.id });
    await this.#end();
    this.#reply.clearCookie(this.#cookie.name, this.#cookie.options);
  }

  /**
   * Leaves a message for the visitor's next page, also when they are not signed in. A GET of a stranger must not
   * write, so it cannot leave one: its answer is a page that says what there is to say.
   */
  async flash(message: string): Promise<void> {
    if (this.#token !== undefined && (await leaveMessage(this.#app.db, this.#token, message))) return;
    if (SAFE_METHODS.has(this.#reply.request.method)) {
      throw new Error(`${this.#reply.request.method} would start a session to leave “${message}”`);
    }
    this.#token = await startAnonymousSession(this.#app.db, message);
    this.#sendCookie(this.#token, false);
  }

  /** The messages left for this page. They are shown once. */
  async takeMessages(): Promise<readonly string[]> {
    const messages = this.#found?.messages ?? [];
    if (this.#token !== undefined && messages.length > 0) {
      await forgetMessages(this.#app.db, this.#token, messages.length);
    }
    return messages;
  }

  async #end(): Promise<void> {
    if (this.#token !== undefined) await endSession(this.#app.db, this.#token);
    this.#token = undefined;
    this.#found = undefined;
  }

  #sendCookie(token: string, isRemembered: boolean): void {
    const lasting = isRemembered ? { maxAge: SESSION_SECONDS.remembered } : {};
    this.#reply.setCookie(this.#cookie.name, token, { ...this.#cookie.options, ...lasting });
  }
}

interface Cookie {
  readonly name: string;
  readonly options: CookieSerializeOptions;
}

/** On https the name's `__Host-` prefix makes browsers refuse a cookie that another host or plain http has set. */
function hostCookie(name: string, isHttps: boolean): Cookie {
  return {
    name: isHttps ? `__Host-${name}` : name,
    options: { path: '/', httpOnly: true, sameSite: 'lax', secure: isHttps },
  };
}
