import { mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sparticuz from '@sparticuz/chromium';
import { type Browser, chromium } from 'playwright-core';

/** In the package's folder, so that it is deleted when the package is updated. */
const UNPACKED = join(dirname(fileURLToPath(import.meta.resolve('@sparticuz/chromium'))), '..', 'unpacked');

/**
 * Launches Chromium from CHROMIUM_PATH or from the package. Without a sandbox, because that does not work as root and we
 * only open our own pages.
 */
export async function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.CHROMIUM_PATH ?? (await unpackOnce()),
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
    headless: true,
  });
}

/**
 * Unpacks the package's Chromium unless another process already has. Returns the executable's path. The package trusts
 * files in TMPDIR even if another process is still writing them, so each process unpacks into its own folder and renames it.
 */
async function unpackOnce(): Promise<string> {
  if (!(await exists(UNPACKED))) {
    const temporary = await mkdtemp(`${UNPACKED}-`);
    try {
      await unpackInto(temporary);
      await rename(temporary, UNPACKED);
    } catch (error) {
      await rm(temporary, { recursive: true, force: true });
      if (!(await exists(UNPACKED))) throw error;
    }
  }
  return join(UNPACKED, 'chromium');
}

async function unpackInto(folder: string): Promise<void> {
  const { TMPDIR } = process.env;
  process.env.TMPDIR = folder;
  try {
    await sparticuz.executablePath();
  } finally {
    if (TMPDIR === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = TMPDIR;
  }
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}
