import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { SMTPServer, type SMTPServerSession } from 'smtp-server';
import type { Scope } from './scope.ts';

/** Where a mail server can misbehave: on connecting, at a command, while it gets the message, or after the final dot. */
export type SmtpStage = 'CONNECT' | 'MAIL' | 'RCPT' | 'DATA' | 'DOT';

/** Hangs until `behave`, closes the connection, responds with an error code, or first waits for some milliseconds. */
export type SmtpFault = 'hang' | 'drop' | { readonly code: number } | { readonly delayMs: number };

type Callback = (error?: Error | null) => void;

/** A mail server on loopback that misbehaves by plan, and counts what it has accepted. */
export class FaultyMailServer {
  /** What goes wrong at a stage, if anything. */
  plan: (stage: SmtpStage) => SmtpFault | undefined = () => undefined;
  /** Called with every accepted mail. */
  onMail: (mail: string) => void = () => {};
  refused = 0;
  /** Accepted mails, oldest first. A mail counts from its final dot, because nobody can take it back after that. */
  readonly accepted: { readonly to: string; readonly messageId: string; readonly at: number }[] = [];
  readonly #server: SMTPServer;
  readonly #sockets = new Map<number | undefined, Socket>();
  readonly #reached = new Map<SmtpStage, PromiseWithResolvers<void>>();
  #behaving = Promise.withResolvers<void>();

  private constructor() {
    this.#server = new SMTPServer({
      disabledCommands: ['AUTH', 'STARTTLS'],
      disableReverseLookup: true,
      closeTimeout: 100, // A pool's idle connection may outlive the test.
      onConnect: (session, callback) => this.#pass('CONNECT', session, callback),
      onMailFrom: (_address, session, callback) => this.#pass('MAIL', session, callback),
      onRcptTo: (_address, session, callback) => this.#pass('RCPT', session, callback),
      onData: (stream, session, callback) =>
        this.#pass('DATA', session, async (error) => {
          const mail = await text(stream).catch(() => undefined);
          if (mail === undefined) return; // The client has gone.
          if (error) return callback(error);
          if (!isRefusal(this.plan('DOT'))) this.#accept(mail, session);
          this.#pass('DOT', session, callback);
        }),
    });
    this.#server.on('error', () => {}); // A client that is killed resets its connection.
    this.#server.server.prependListener('connection', (socket: Socket) => {
      const { remotePort } = socket;
      this.#sockets.set(remotePort, socket);
      socket.once('close', () => this.#sockets.delete(remotePort));
    });
  }

  /** Starts it. It closes with the test. */
  static async start(t: Scope): Promise<FaultyMailServer> {
    const server = new FaultyMailServer();
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server.server, 'listening');
    t.teardown(() => {
      server.behave();
      return new Promise<void>((resolve) => server.#server.close(resolve));
    });
    return server;
  }

  get url(): string {
    return `smtp://127.0.0.1:${(this.#server.server.address() as AddressInfo).port}`;
  }

  /** The number of different mails it has accepted. */
  get distinct(): number {
    return new Set(this.accepted.map(({ messageId }) => messageId)).size;
  }

  /** Misbehaves at a stage until `behave`. */
  misbehave(at: SmtpStage, fault: SmtpFault): void {
    this.plan = (stage) => (stage === at ? fault : undefined);
  }

  /** Behaves well again, also to those who wait. */
  behave(): void {
    this.plan = () => undefined;
    this.#behaving.resolve();
    this.#behaving = Promise.withResolvers();
  }

  /** Waits until a client is at a stage, for instance to kill it there. */
  reaches(stage: SmtpStage): Promise<void> {
    const reached = this.#reached.get(stage) ?? Promise.withResolvers<void>();
    this.#reached.set(stage, reached);
    return reached.promise;
  }

  async #pass(stage: SmtpStage, { remotePort }: SMTPServerSession, callback: Callback): Promise<void> {
    this.#reached.get(stage)?.resolve();
    this.#reached.delete(stage);
    const fault = this.plan(stage);
    if (fault === 'drop') return void this.#sockets.get(remotePort)?.resetAndDestroy();
    if (fault === 'hang') await this.#behaving.promise;
    if (typeof fault === 'object' && 'delayMs' in fault)
      await sleep(fault.delayMs, undefined, { ref: false });
    if (!isRefusal(fault)) return callback();
    this.refused += 1;
    callback(Object.assign(new Error('not now, or never'), { responseCode: fault.code }));
  }

  #accept(mail: string, { envelope: { rcptTo } }: SMTPServerSession): void {
    const messageId = /^Message-ID: (<[^>]+>)/im.exec(mail)?.[1] ?? '';
    for (const { address } of rcptTo) this.accepted.push({ to: address, messageId, at: performance.now() });
    this.onMail(mail);
  }
}

function isRefusal(fault: SmtpFault | undefined): fault is { readonly code: number } {
  return typeof fault === 'object' && 'code' in fault;
}
