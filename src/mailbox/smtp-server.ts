import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { chmod, mkdir, rename, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { SMTPServer, type SMTPServerDataStream } from 'smtp-server';

export interface MailboxServer {
  /** Where to send mail to, e.g. `smtp://127.0.0.1:41234`. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Starts a mail server on loopback that accepts every message and keeps it as a file in `folder`,
 * for a site that has no mail server yet. Any free port will do: only this process sends to it.
 */
export async function startMailboxServer(folder: string): Promise<MailboxServer> {
  // Mails have links that sign people in, so other users of the machine may not read them.
  await mkdir(folder, { recursive: true });
  await chmod(folder, 0o700);
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    closeTimeout: 1_000,
    onData(stream, _session, callback) {
      keep(folder, stream).then(() => callback(), callback);
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

/** Writes beside and renames, so that a reader never sees half a message. The name sorts by time of arrival. */
async function keep(folder: string, stream: SMTPServerDataStream): Promise<void> {
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
