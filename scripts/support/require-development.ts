import { existsSync } from 'node:fs';
import { join } from 'node:path';
import packageJson from '../../package.json' with { type: 'json' };

const PACKAGES = join(import.meta.dirname, '..', '..', 'node_modules');

// Loaded before a command that needs development dependencies (`node --import`), because their absence would end it with
// a stack trace.
if (!Object.keys(packageJson.devDependencies).every((name) => existsSync(join(PACKAGES, name)))) {
  console.error(`npm run ${process.env.npm_lifecycle_event} needs the development dependencies. Run: npm ci`);
  process.exit(2);
}
