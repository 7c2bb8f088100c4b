import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import PostalMime, { type Address } from 'postal-mime';

/** A message in the local mailbox. */
export interface StoredMail {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly subject: string;
  readonly date: Date;
  readonly text: string;
  readonly html: string;
}

/** Lists the newest `limit` messages, newest first. A mailbox that was never used is empty. */
export async function listMails(folder: string, limit: number): Promise<StoredMail[]> {
  const names = await readdir(folder).catch(emptyWhenAbsent);
  const ids = names.filter((name) => name.endsWith('.eml')).map((name) => name.slice(0, -'.eml'.length));
  const newest = ids.sort().reverse().slice(0, limit);
  return Promise.all(newest.map((id) => parseMail(folder, id)));
}

/** Reads a message, or returns undefined if there is none with this id. */
export async function readMail(folder: string, id: string): Promise<StoredMail | undefined> {
  const names = await readdir(folder).catch(emptyWhenAbsent);
  return names.includes(`${id}.eml`) ? parseMail(folder, id) : undefined;
}

async function parseMail(folder: string, id: string): Promise<StoredMail> {
  const {
    from,
    to = [],
    subject,
    date,
    text,
    html,
  } = await PostalMime.parse(await readFile(join(folder, `${id}.eml`)));
  return {
    id,
    from: from === undefined ? '' : nameAndAddress(from),
    to: to.map(nameAndAddress).join(', '),
    subject: subject ?? '',
    date: new Date(date ?? 0),
    text: text ?? '',
    html: html ?? '',
  };
}

function nameAndAddress({ name, address = '' }: Address): string {
  return name === '' ? address : `${name} <${address}>`;
}

function emptyWhenAbsent(error: NodeJS.ErrnoException): string[] {
  if (error.code === 'ENOENT') return [];
  throw error;
}
