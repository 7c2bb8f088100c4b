import cookie from '@fastify/cookie';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { recordVisitOfSession } from '../../domain/people/record-visit.ts';
import { recordEvent } from '../../domain/security-events/record.ts';
import { endSession } from '../../domain/sessions/end.ts';
import { type FoundSession, findSession, type SessionUser } from '../../domain/sessions/find.ts';
import { BROWSER_SECONDS, SESSION_SECONDS } from '../../domain/sessions/lifetime.ts';
import { type LogIn, logIn, rememberBrowser } from '../../domain/sessions/log-in.ts';
import { forgetMessages, leaveMessage, type Message } from '../../domain/sessions/messages.ts';
import { type PendingLogIn, startPendingLogIn } from '../../domain/sessions/pending-log-in.ts';
import { renewSession } from '../../domain/sessions/renew.ts';
import { startAnonymousSession } from '../../domain/sessions/start.ts';
import { hashToken } from '../../domain/token.ts';
import { DomainError } from '../../errors.ts';
import { SAFE_METHODS } from '../../http/methods.ts';
import { type Cookie, hostCookie } from './cookies.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Set in scopes with pages before their hooks run; read it with `sessionOf`. The API has no sessions. */
    session?: WebSession;
  }
  interface FastifyContextConfig {
    /** Whether the route opens the session itself if it needs it. */
    readonly opensSessionLater?: boolean;
  }
}

/** Provides `request.session`: a row found by the hash of a random cookie. See ADR 2. */
export default fp(
  async (app) => {
    await app.register(cookie);
    app.decorateRequest('session');
    const isHttps = app.config.baseUrl.startsWith('https:');
    const cookies = { session: hostCookie('session', isHttps), browser: hostCookie('browser', isHttps) };
    app.addHook('onRequest', (request, reply, done) => {
      const session = new WebSession(app, cookies, request, reply);
      request.session = session;
      if (!session.hasCookie || request.routeOptions.config.opensSessionLater) return done();
      session.open().then(() => done(), done);
    });
  },
  { name: 'session', dependencies: ['db', 'queue'] },
);

/** Tokens looked up per browser. Shared browsers log in to a few accounts. */
const MAX_TOKENS = 5;

/**
 * The visitor's session, signed in or not.
 *
 * @throws Error outside of the scopes with pages
 */
export function sessionOf({ session }: FastifyRequest): WebSession {
  if (session === undefined) throw new Error('Requests outside of the scopes with pages have no session');
  return session;
}

/**
 * The logged-in user, in a scope with `requireUser`.
 *
 * @throws DomainError if nobody is logged in, because the route is in the wrong scope
 */
export function currentUser(request: FastifyRequest): SessionUser {
  const { user } = sessionOf(request);
  if (user === null) throw new DomainError('forbidden', 'Please log in first.');
  return user;
}

/** The database to read a page from. With a session it is the primary, so that people see their own changes at once. */
export function readDbFor(request: FastifyRequest): FastifyInstance['db'] {
  const { db, readDb } = request.server;
  return sessionOf(request).isKnown ? db : readDb;
}

interface Cookies {
  readonly session: Cookie;
  readonly browser: Cookie;
}

/** One visitor's session during one request. */
export class WebSession {
  readonly #app: FastifyInstance;
  readonly #reply: FastifyReply;
  readonly #cookies: Cookies;
  /** The token that the browser sent, not yet verified. */
  readonly #sent: string | undefined;
  /** The tokens by which accounts recognise this browser, newest last. */
  readonly browsers: readonly string[];
  #token: string | undefined;
  #found: FoundSession | undefined;

  constructor(app: FastifyInstance, cookies: Cookies, request: FastifyRequest, reply: FastifyReply) {
    this.#app = app;
    this.#cookies = cookies;
    this.#reply = reply;
    this.#sent = request.cookies[cookies.session.name];
    this.browsers = request.cookies[cookies.browser.name]?.split('.').slice(-MAX_TOKENS) ?? [];
  }

  /** Whether the browser sent a session cookie. */
  get hasCookie(): boolean {
    return this.#sent !== undefined;
  }

  /** Loads the cookie's session if it is still valid. */
  async open(): Promise<void> {
    if (this.#sent === undefined) return;
    this.#found = await findSession(this.#app.db, this.#sent);
    if (this.#found === undefined) return;
    this.#token = this.#sent;
    if (this.user?.isLastSeenStale)
      await recordVisitOfSession(this.#app.db, this.user.id, hashToken(this.#token));
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

  /** The hash of the session's token, which identifies it to the domain. Undefined without a session. */
  get hash(): Buffer | undefined {
    return this.#token === undefined ? undefined : hashToken(this.#token);
  }

  /** Starts a session for a visitor without one. Returns its `hash`. */
  async ensure(): Promise<Buffer> {
    return this.hash ?? (await this.#startAnonymous());
  }

  /** Whether the password was entered in this session in the last ten minutes. */
  get isVerified(): boolean {
    return this.#found?.isVerified ?? false;
  }

  /** Records that the password was entered again, and replaces the token. */
  async verify(): Promise<void> {
    await this.#replaceToken({ isVerified: true });
  }

  /**
   * Replaces the token, so that a stolen copy stops working. Call it before a change that ends all other sessions.
   *
   * @returns the new `hash`
   */
  async renew(): Promise<Buffer | undefined> {
    await this.#replaceToken({ isVerified: false });
    return this.hash;
  }

  /**
   * Starts a session under a new token. A token planted before the log-in stops working.
   *
   * @throws DomainError `unauthorized` if the password has changed in the meantime, or a second factor is missing
   */
  async signIn(options: Omit<LogIn, 'browsers' | 'address'>): Promise<void> {
    const { browsers } = this;
    const tokens = await logIn(this.#app, { ...options, browsers, address: this.#reply.request.ip });
    await this.#end();
    this.#token = tokens.session;
    this.#sendCookie(this.#token, options.isRemembered);
    if (tokens.browser !== undefined) this.#sendBrowserCookie(tokens.browser);
  }

  /** Starts a session under a new token that awaits a second factor and gives no access yet. Throws like `signIn`. */
  async awaitCode(logIn: PendingLogIn): Promise<void> {
    const token = await startPendingLogIn(this.#app.db, logIn);
    await this.#end();
    this.#token = token;
    this.#sendCookie(token, false);
  }

  /**
   * Makes this browser known to an account, so that its log-ins have their own limit, which nobody else can use up. Call it after a
   * change that makes the account forget its browsers.
   */
  async rememberBrowser(userId: number): Promise<void> {
    this.#sendBrowserCookie(await rememberBrowser(this.#app.db, userId));
  }

  #sendBrowserCookie(token: string): void {
    const { name, options } = this.#cookies.browser;
    const tokens = [...this.browsers, token].join('.');
    this.#reply.setCookie(name, tokens, { ...options, maxAge: BROWSER_SECONDS });
  }

  /** Ends the session on this device. */
  async signOut(): Promise<void> {
    if (this.user !== null) await recordEvent(this.#app.db, { kind: 'logged-out', userId: this.user.id });
    await this.#end();
    this.#reply.clearCookie(this.#cookies.session.name, this.#cookies.session.options);
  }

  /**
   * Shows a message on the visitor's next page, signed in or not. Not for anonymous GETs, which must not write.
   *
   * @param options.at the id of the element to show it at; see `Message`
   */
  flash(text: string, options: Pick<Message, 'at'> = {}): Promise<void> {
    return this.#leave({ text, isWarning: false, ...options });
  }

  /** Like `flash`, for a message that something did not work. */
  warn(text: string): Promise<void> {
    return this.#leave({ text, isWarning: true });
  }

  /** Takes the messages for this page, so that each is shown once. */
  async takeMessages(): Promise<readonly Message[]> {
    const messages = this.#found?.messages ?? [];
    if (this.#token !== undefined && messages.length > 0) {
      await forgetMessages(this.#app.db, this.#token, messages.length);
    }
    return messages;
  }

  async #leave(message: Message): Promise<void> {
    if (this.#token !== undefined && (await leaveMessage(this.#app.db, this.#token, message))) return;
    const { method } = this.#reply.request;
    if (SAFE_METHODS.has(method)) throw new Error(`A ${method} must not start a session to show a message`);
    await this.#startAnonymous(message);
  }

  async #startAnonymous(...messages: Message[]): Promise<Buffer> {
    const { token, hash } = await startAnonymousSession(this.#app.db, ...messages);
    this.#token = token;
    this.#sendCookie(token, false);
    return hash;
  }

  async #end(): Promise<void> {
    if (this.#token !== undefined) await endSession(this.#app.db, this.#token);
    this.#token = undefined;
    this.#found = undefined;
  }

  async #replaceToken(options: { isVerified: boolean }): Promise<void> {
    if (this.#token === undefined || this.#found === undefined) return;
    this.#token = await renewSession(this.#app.db, this.#token, options);
    this.#sendCookie(this.#token, this.#found.isRemembered);
  }

  #sendCookie(token: string, isRemembered: boolean): void {
    const lasting = isRemembered ? { maxAge: SESSION_SECONDS.remembered } : {};
    const { name, options } = this.#cookies.session;
    this.#reply.setCookie(name, token, { ...options, ...lasting });
  }
}
