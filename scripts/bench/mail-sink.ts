import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';

/** A mail server that counts mails and discards them. */
export class MailSink {
  count = 0;
  #arrived = Promise.withResolvers<void>();
  readonly #server: SMTPServer;

  private constructor() {
    this.#server = new SMTPServer({
      disabledCommands: ['AUTH', 'STARTTLS'],
      disableReverseLookup: true,
      onData: (stream, _session, callback) => {
        stream.on('end', () => {
          this.count += 1;
          this.#arrived.resolve();
          callback();
        });
        stream.resume();
      },
    });
    this.#server.on('error', () => {}); // A client that exits resets its connection.
  }

  static async start(): Promise<MailSink> {
    const sink = new MailSink();
    sink.#server.listen(0, '127.0.0.1');
    await once(sink.#server.server, 'listening');
    return sink;
  }

  get url(): string {
    const { port }: AddressInfo = {
      address: '',
      family: '',
      port: 0,
      ...Object(this.#server.server.address()),
    };
    return `smtp://127.0.0.1:${port}`;
  }

  /** Waits for the next mail. */
  next(): Promise<void> {
    this.#arrived = Promise.withResolvers<void>();
    return this.#arrived.promise;
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.close(resolve));
  }
}
