import t from 'tap';
import { can, PERMISSION_NAMES, Permission, ROLES } from '../../../src/domain/accounts/roles.ts';

const { FOLLOW, COMMENT, WRITE, MODERATE, VIEW_JOBS, OPERATE_JOBS } = Permission;

const good = { isConfirmed: true, silencedUntil: null };

t.test('each role has its permissions; visitors, unconfirmed and silenced accounts have none', async (t) => {
  const allowed = (role: (typeof ROLES)[number] | null) =>
    Object.values(Permission).filter((permission) => can(role && { role, ...good }, permission));
  t.same(allowed('User'), [FOLLOW, COMMENT, WRITE]);
  t.same(allowed('Viewer'), [FOLLOW, COMMENT, WRITE, VIEW_JOBS]);
  t.same(allowed('Operator'), [FOLLOW, COMMENT, WRITE, VIEW_JOBS, OPERATE_JOBS]);
  t.same(allowed('Moderator'), [FOLLOW, COMMENT, WRITE, MODERATE]);
  t.same(allowed('Administrator'), Object.values(Permission));
  t.same(allowed(null), []);
  t.notOk(can({ role: 'Administrator', ...good, isConfirmed: false }, FOLLOW));
  t.notOk(can({ role: 'Administrator', ...good, silencedUntil: new Date() }, FOLLOW));
  t.notOk(can({ role: 'User', ...good }, WRITE | MODERATE), 'all of several permissions are needed');
});

t.test('the permission bits are those of the contract', async (t) => {
  t.match(Permission, { FOLLOW: 1, COMMENT: 2, WRITE: 4, MODERATE: 8, ADMIN: 16 });
  t.same([Permission.VIEW_JOBS, Permission.OPERATE_JOBS], [32, 64]);
  t.same(PERMISSION_NAMES, Object.keys(Permission), 'all have their names');
  t.same(ROLES, ['User', 'Viewer', 'Operator', 'Moderator', 'Administrator']);
});
