import { execFile } from 'node:child_process';
import { chmod, type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Scope } from './scope.ts';

const execute = promisify(execFile);
/** What is written, until there is no room for a page. */
const CHUNKS = [2 ** 20, 4096].map((size) => Buffer.alloc(size, 'x'));

/** A disk of a few megabytes, to fill up. */
export class SmallDisk {
  readonly folder: string;
  readonly #ballast: string;

  private constructor(folder: string) {
    this.folder = folder;
    this.#ballast = join(folder, 'ballast');
  }

  /** Mounts one, if the machine allows it: only root on Linux may. It is gone after the test. */
  static async mount(t: Scope, megabytes: number): Promise<SmallDisk | undefined> {
    const folder = await mkdtemp(join(tmpdir(), 'pennypost-disk-'));
    t.teardown(() => rm(folder, { recursive: true, force: true }));
    const mounted = await execute('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder]).then(
      () => true,
      () => false,
    );
    if (!mounted) return undefined;
    t.teardown(() => execute('umount', ['--lazy', folder]));
    await chmod(folder, 0o755);
    return new SmallDisk(folder);
  }

  /** Writes until there is no room for another page. */
  async fill(): Promise<void> {
    const file = await open(this.#ballast, 'a');
    try {
      for (const chunk of CHUNKS) while (await hasRoomFor(file, chunk));
    } finally {
      await file.close();
    }
  }

  /** Makes room again. */
  async free(): Promise<void> {
    await rm(this.#ballast, { force: true });
  }
}

async function hasRoomFor(file: FileHandle, chunk: Buffer): Promise<boolean> {
  try {
    await file.write(chunk);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    return false;
  }
}
