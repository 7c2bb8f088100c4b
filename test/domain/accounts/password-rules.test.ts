import t from 'tap';
import { weaknessOf } from '../../../src/domain/accounts/password-rules.ts';
import { build } from '../../support/build.ts';
import { Client, errorsOf } from '../../support/client.ts';
import { createUser, mintToken, PASSWORD, registration, signedInClient } from '../../support/factories.ts';

const OWN_WORDS = ['John_Doe', 'jdoe@mail.example.com', 'jk'];

t.test('common passwords are refused in any case', async (t) => {
  for (const password of [
    'password',
    'Password1',
    '12345678',
    'iloveyou',
    'QWERTYUIOP',
    'trustno1',
    'CoMpUtEr1',
  ])
    t.match(await weaknessOf(password, []), 'This password is too common', password);
});

t.test('passwords based on the user’s or the site’s own words are refused', async (t) => {
  for (const password of [
    'Pennypost',
    'pennypost2026',
    'john_doe',
    'JohnDoe123',
    'jdoejdoe!',
    'jdoedoe12345',
    'example.com1',
  ])
    t.match(await weaknessOf(password, OWN_WORDS), 'based on your name', password);
});

t.test('other passwords are accepted, even if they contain such a word', async (t) => {
  for (const password of [
    PASSWORD,
    'john likes long walks',
    'john_doeQz7vbW',
    'jkjkjkjkjk',
    'x7#kQ2!vbW',
    'pennypost is where I write',
    '\u00fcber-geheim\u00df',
  ])
    t.equal(await weaknessOf(password, OWN_WORDS), undefined, password);
});

t.test('the rules apply wherever a password is chosen', async (t) => {
  const app = await build(t);
  const common = { password: 'password1', password2: 'password1' };
  const own = { password: 'mary12345', password2: 'mary12345' };

  for (const fields of [common, own]) {
    const registering = await new Client(app).post(
      '/auth/register',
      registration({ username: 'mary', ...fields }),
    );
    t.equal(registering.statusCode, 422);
    t.match(errorsOf(registering), { password: String });
  }
  const mary = await createUser(app, { username: 'mary' });
  const client = await signedInClient(app, mary);
  for (const fields of [common, own]) {
    const changing = await client.post('/auth/change-password', { old_password: PASSWORD, ...fields });
    t.match(errorsOf(changing), { password: String });
  }
  const token = await mintToken(app, mary.id, 'reset-password');
  t.match(errorsOf(await new Client(app).post(`/auth/reset/${token}`, common)), { password: String });
});
