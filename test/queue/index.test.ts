import { glob } from 'node:fs/promises';
import t from 'tap';
import application from '../../package.json' with { type: 'json' };
import manifest from '../../src/queue/package.json' with { type: 'json' };
import { packagesOf, ROOT } from '../support/packages-of.ts';

t.test('the package depends on what it imports, in the versions that the application has', async (t) => {
  const files = await Array.fromAsync(glob('src/queue/*.ts', { cwd: ROOT }));
  const needed: Record<string, string> = { ...manifest.dependencies, ...manifest.peerDependencies };
  t.same(await packagesOf(files), Object.keys(needed).sort());
  const versions: Record<string, string> = application.dependencies;
  t.same(needed, Object.fromEntries(Object.keys(needed).map((name) => [name, versions[name]])));
});

t.test('the thread of the heartbeats loads nothing but node-postgres', async (t) => {
  t.same(await packagesOf(['src/queue/heartbeat-thread.ts']), ['pg']);
});
