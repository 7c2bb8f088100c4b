import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:net';
import { type ParsedMail, simpleParser } from 'mailparser';
import { SMTPServer } from 'smtp-server';
import type { Test } from 'tap';

export interface SmtpCatcher {
  readonly url: string;
  readonly port: number;
  /** Received mails, oldest first. */
  readonly mails: ParsedMail[];
  /** Their return paths. */
  readonly returnPaths: string[];
  close(): Promise<void>;
}

export interface SmtpBehaviour {
  port?: number;
  /** Refuses each recipient with this code. May change while the server runs. */
  refuseRecipient?: () => number | undefined;
  /** The text after the code. */
  refusal?: string;
  /** How long it waits before accepting a mail. */
  delayMs?: number;
}

/** A real mail server on loopback that keeps its mails. */
export async function catchMail(
  t: Test,
  { port = 0, refuseRecipient, refusal = 'not now, or never', delayMs = 0 }: SmtpBehaviour = {},
): Promise<SmtpCatcher> {
  const mails: ParsedMail[] = [];
  const returnPaths: string[] = [];
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    closeTimeout: 100, // A pool's idle connection may outlive the test.
    onRcptTo(_address, _session, callback) {
      const responseCode = refuseRecipient?.();
      if (responseCode === undefined) callback();
      else callback(Object.assign(new Error(refusal), { responseCode }));
    },
    onData(stream, { envelope: { mailFrom } }, callback) {
      simpleParser(stream).then((mail) => {
        mails.push(mail);
        returnPaths.push(mailFrom === false ? '' : mailFrom.address);
        if (delayMs === 0) callback();
        else setTimeout(callback, delayMs).unref();
      }, callback);
    },
  });
  server.on('error', () => {}); // A client that is killed resets its connection.
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const close = () => new Promise<void>((resolve) => server.close(resolve));
  t.teardown(close);
  const actual = (server.server.address() as AddressInfo).port;
  return { url: `smtp://127.0.0.1:${actual}`, port: actual, mails, returnPaths, close };
}

/** A server that accepts connections but never responds. */
export async function hangingServer(t: Test): Promise<{ url: string; server: Server }> {
  const sockets = new Set<{ destroy(): void }>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  return { url: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

/** The first link in a mail's text, as a path. */
export function linkIn(mail: Pick<ParsedMail, 'text'> | undefined): string {
  const url = /https?:\/\/\S+/.exec(mail?.text ?? '')?.[0];
  if (url === undefined) throw new Error('there is no link in the mail');
  return new URL(url).pathname;
}
