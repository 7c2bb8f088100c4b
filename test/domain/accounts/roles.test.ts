import t from 'tap';
import { can, Permission } from '../../../src/domain/accounts/roles.ts';

const { FOLLOW, COMMENT, WRITE, MODERATE, ADMIN } = Permission;

const good = { isConfirmed: true, silencedUntil: null };

t.test('each role has its permissions; visitors, unconfirmed and silenced accounts have none', async (t) => {
  const allowed = (role: 'User' | 'Moderator' | 'Administrator' | null) =>
    [FOLLOW, COMMENT, WRITE, MODERATE, ADMIN].filter((permission) =>
      can(role && { role, ...good }, permission),
    );
  t.same(allowed('User'), [FOLLOW, COMMENT, WRITE]);
  t.same(allowed('Moderator'), [FOLLOW, COMMENT, WRITE, MODERATE]);
  t.same(allowed('Administrator'), [FOLLOW, COMMENT, WRITE, MODERATE, ADMIN]);
  t.same(allowed(null), []);
  t.notOk(can({ role: 'Administrator', ...good, isConfirmed: false }, FOLLOW));
  t.notOk(can({ role: 'Administrator', ...good, silencedUntil: new Date() }, FOLLOW));
  t.notOk(can({ role: 'User', ...good }, WRITE | MODERATE), 'all of several permissions are needed');
});

t.test('the permission bits are those of the contract', async (t) => {
  t.match(Permission, { FOLLOW: 1, COMMENT: 2, WRITE: 4, MODERATE: 8, ADMIN: 16 });
  t.same([Permission.VIEW_JOBS, Permission.OPERATE_JOBS], [32, 64]);
});
