import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { chmod, mkdir, rename, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { SMTPServer, type SMTPServerDataStream } from 'smtp-server';

export interface MailboxServer {
  /** The URL to send mail to, e.g. `smtp://127.0.0.1:41234`. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Starts a mail server on a free loopback port that accepts every message and stores it as a file in `folder`, for sites
 * without a mail server.
 */
export async function startMailboxServer(folder: string): Promise<MailboxServer> {
  // Mails contain log-in links, so other users of the machine must not read them.
  await mkdir(folder, { recursive: true });
  await chmod(folder, 0o700);
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    closeTimeout: 1_000,
    onData(stream, _session, callback) {
      store(folder, stream).then(() => callback(), callback);
    },
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.server.address() as AddressInfo;
  return {
    url: `smtp://127.0.0.1:${port}`,
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}

/** Writes to a temporary file and renames it, because readers must never see half a message. Names sort by time of arrival. */
async function store(folder: string, stream: SMTPServerDataStream): Promise<void> {
  const name = `${new Date().toISOString().replaceAll(':', '')}-${randomUUID()}`;
  const unfinished = join(folder, `${name}.part`);
  try {
    await pipeline(stream, createWriteStream(unfinished, { mode: 0o600 }));
    await rename(unfinished, join(folder, `${name}.eml`));
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}
