import { buffer } from 'node:stream/consumers';
import { type Entry, fromBufferPromise, type ZipFile } from 'yauzl';
import { DomainError } from '../../errors.ts';

/** The largest file that can be imported, in bytes. */
export const MAX_IMPORT = 10 * 2 ** 20;

/** The most files in an archive, and the most bytes of all of them when unpacked. */
const MAX_FILES = 2_000;
const MAX_BYTES = 50 * 2 ** 20;

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
 * Reads a zip file's list of files. Names are only used to look files up, so path traversal is impossible.
 *
 * @throws DomainError `unusable-import` if it is not a zip file, or too large when unpacked
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
  if (zip.entryCount > MAX_FILES)
    throw unusable(`This zip file has ${zip.entryCount} files. At most ${MAX_FILES} are accepted.`);
  const entries = new Map<string, Entry>();
  let bytes = 0;
  for await (const entry of zip.eachEntry()) {
    bytes += entry.uncompressedSize;
    if (bytes > MAX_BYTES)
      throw unusable(
        `This zip file is too large when unpacked. At most ${MAX_BYTES / 2 ** 20} MB are accepted.`,
      );
    entries.set(entry.fileName, entry);
  }
  return { zip, entries };
}

/** Never returns more than `MAX_BYTES`: yauzl fails if a file is larger than its entry says. */
async function unpack(zip: ZipFile, entry: Entry): Promise<Buffer> {
  return buffer(await zip.openReadStreamPromise(entry));
}

/**
 * The error for a file that cannot be imported.
 *
 * @param message why. Characters quoted from the file that PostgreSQL cannot store are removed.
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
