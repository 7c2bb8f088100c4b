import { mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sparticuz from '@sparticuz/chromium';
import { type Browser, chromium } from 'playwright-core';

/** Beside the package's own files, so that it goes when another version comes. */
const UNPACKED = join(dirname(fileURLToPath(import.meta.resolve('@sparticuz/chromium'))), '..', 'unpacked');

/**
 * A real Chromium: the one in the packages, or the one that CHROMIUM_PATH names.
 * Root's container has no sandbox for it, and the pages are our own.
 */
export async function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.CHROMIUM_PATH ?? (await unpackOnce()),
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
    headless: true,
  });
}

/**
 * Unpacks the package's Chromium when no process has yet. Returns the path of the program. The package takes what
 * lies in TMPDIR for whole, even what another process is writing, so each unpacks aside and moves it into place.
 */
async function unpackOnce(): Promise<string> {
  if (!(await exists(UNPACKED))) {
    const aside = await mkdtemp(`${UNPACKED}-`);
    try {
      await unpackInto(aside);
      await rename(aside, UNPACKED);
    } catch (error) {
      await rm(aside, { recursive: true, force: true });
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
