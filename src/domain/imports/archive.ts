import { buffer } from 'node:stream/consumers';
import { type Entry, fromBufferPromise, type ZipFile } from 'yauzl';
import { DomainError } from '../../errors.ts';

/** The largest file that can be imported, in bytes. */
export const MAX_IMPORT = 10 * 2 ** 20;

/** Files in an archive, and bytes of all of them together when they are unpacked. */
const MOST_FILES = 2_000;
const MOST_BYTES = 50 * 2 ** 20;

/** An uploaded zip file. */
export interface Archive {
  /**
   * Unpacks a file into memory. Undefined if there is none of this name.
   *
   * @throws DomainError `unusable-import` if it is damaged or encrypted
   */
  read(name: string): Promise<Buffer | undefined>;
}

/**
 * Reads a zip file's list of files. Names only serve to look files up, so no name can lead anywhere.
 *
 * @throws DomainError `unusable-import` if it is none, or too large when it is unpacked
 */
export async function openArchive(content: Buffer): Promise<Archive> {
  const { zip, entries } = await listEntries(content).catch(notReadable('This file'));
  return {
    async read(name) {
      const entry = entries.get(name);
      if (entry === undefined) return undefined;
      return unpack(zip, entry).catch(notReadable(name));
    },
  };
}

async function listEntries(content: Buffer): Promise<{ zip: ZipFile; entries: Map<string, Entry> }> {
  const zip = await fromBufferPromise(content);
  if (zip.entryCount > MOST_FILES)
    throw unusable(`This zip file has ${zip.entryCount} files. At most ${MOST_FILES} are accepted.`);
  const entries = new Map<string, Entry>();
  let bytes = 0;
  for await (const entry of zip.eachEntry()) {
    bytes += entry.uncompressedSize;
    if (bytes > MOST_BYTES)
      throw unusable(
        `This zip file is too large when it is unpacked. At most ${MOST_BYTES / 2 ** 20} MB are accepted.`,
      );
    entries.set(entry.fileName, entry);
  }
  return { zip, entries };
}

/** yauzl fails if there is more than the entry says, so this is never more than `MOST_BYTES`. */
async function unpack(zip: ZipFile, entry: Entry): Promise<Buffer> {
  return buffer(await zip.openReadStreamPromise(entry));
}

/**
 * The error for a file that cannot be imported.
 *
 * @param message why. It is stored, so what it quotes from the file loses characters that PostgreSQL cannot store.
 */
export function unusable(message: string): DomainError {
  return new DomainError('unusable-import', message.replaceAll(/[\p{Cc}\p{Cs}]/gu, ' '));
}

function notReadable(what: string) {
  return (error: unknown): never => {
    if (error instanceof DomainError) throw error;
    throw unusable(`${what} could not be read. Choose a zip file that you got under “Export”.`);
  };
}
