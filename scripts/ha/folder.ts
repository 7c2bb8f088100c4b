import { chmod, chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Scope } from '../../test/support/scope.ts';
import { findIdentity } from '../support/postgres-binaries.ts';

/** Creates a folder of PostgreSQL's user, who runs most of the programs. It is deleted with the scope. */
export async function temporaryFolder(scope: Scope): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'pennypost-ha-'));
  scope.teardown(() => rm(folder, { recursive: true, force: true }));
  await chmod(folder, 0o755);
  const { uid, gid } = await findIdentity();
  if (uid !== undefined && gid !== undefined) await chown(folder, uid, gid);
  return folder;
}
