import { existsSync } from 'node:fs';
import { glob, rm } from 'node:fs/promises';

const PACKAGES = 'node_modules';

/** What only compilers, debuggers and browsers read. Node runs no TypeScript of packages. */
const UNUSED = ['**/*.map', '**/*.ts', '**/*.[cm]ts', '@highlightjs/cdn-assets/*/'];

/**
 * `npm run slim`: deletes what production never reads from its packages, after `npm ci --omit=dev`: source maps, type
 * declarations and files for browsers.
 */
if (existsSync(`${PACKAGES}/typescript`)) {
  // Imports nothing, because the image is built with no other file of the project.
  console.error('npm run slim is for production, and would break development. Run: npm ci --omit=dev');
  process.exitCode = 2;
} else {
  for await (const path of glob(UNUSED, { cwd: PACKAGES }))
    await rm(`${PACKAGES}/${path}`, { recursive: true });
}
