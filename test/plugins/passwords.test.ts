import t from 'tap';
import { Busy } from '../../src/errors.ts';
import { build, COSTLY_HASHING } from '../support/build.ts';

t.test('a password is stored as argon2id with the parameters OWASP recommends', async (t) => {
  const { passwords } = await build(t, {}, COSTLY_HASHING);
  const stored = await passwords.hash('correct horse');
  t.match(stored, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  t.not(await passwords.hash('correct horse'), stored, 'each hash has its own salt');
  t.ok(await passwords.verify(stored, 'correct horse'));
  t.notOk(await passwords.verify(stored, 'Correct horse'));
});

t.test('without an account, every password is wrong', async (t) => {
  const { passwords } = await build(t);
  t.notOk(await passwords.verify(undefined, 'correct horse'));
});

t.test('when too many passwords wait, others are refused at once', async (t) => {
  const { passwords } = await build(t);
  const all = await Promise.allSettled(Array.from({ length: 150 }, () => passwords.hash('correct horse')));
  const refused = all.filter((result) => result.status === 'rejected');
  t.ok(refused.length >= 40 && refused.length < 60, `${refused.length} of 150 were sent away`);
  for (const { reason } of refused) t.type(reason, Busy);
  t.ok(await passwords.hash('correct horse'), 'there is room again');
});
