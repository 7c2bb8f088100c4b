import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { SMTPServer } from 'smtp-server';

/** A mail server that refuses a share of the mails for now, and counts the others by Message-ID. */
export class FlakyMailServer {
  refused = 0;
  accepted = 0;
  readonly #ids = new Set<string>();
  readonly #server: SMTPServer;

  private constructor(refusedShare: number, onMail: (mail: string) => void) {
    this.#server = new SMTPServer({
      disabledCommands: ['AUTH', 'STARTTLS'],
      disableReverseLookup: true,
      closeTimeout: 100,
      onRcptTo: (_address, _session, callback) => {
        if (Math.random() > refusedShare) return callback();
        this.refused += 1;
        callback(Object.assign(new Error('not now'), { responseCode: 451 }));
      },
      onData: (stream, _session, callback) => {
        text(stream).then((mail) => {
          this.accepted += 1;
          this.#ids.add(/^Message-ID: (<[^>]+>)/im.exec(mail)?.[1] ?? '');
          onMail(mail);
          callback();
        }, callback);
      },
    });
    this.#server.on('error', () => {}); // A client that is killed resets its connection.
  }

  /** @param onMail is called with every accepted mail */
  static async start(
    refusedShare: number,
    onMail: (mail: string) => void = () => {},
  ): Promise<FlakyMailServer> {
    const server = new FlakyMailServer(refusedShare, onMail);
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server.server, 'listening');
    return server;
  }

  get url(): string {
    const address: AddressInfo | string | null = this.#server.server.address();
    if (address === null || typeof address === 'string') throw new Error('the mail server does not listen');
    return `smtp://127.0.0.1:${address.port}`;
  }

  /** The number of different mails that have arrived. */
  get distinct(): number {
    return this.#ids.size;
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.close(resolve));
  }
}
