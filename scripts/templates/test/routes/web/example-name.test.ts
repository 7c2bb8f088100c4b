import t from 'tap';
import { build } from '../../support/build.ts';
import { Client } from '../../support/client.ts';
import { createUser, signedInClient } from '../../support/factories.ts';

t.test('members see the page, and visitors are asked to log in', async (t) => {
  const app = await build(t);
  const member = await signedInClient(app, await createUser(app));
  const page = await member.get('/example-name');
  t.equal(page.statusCode, 200);
  t.match(page.body, '<h1>Example name</h1>');
  const refused = await new Client(app).get('/example-name');
  t.equal(refused.headers.location, '/auth/login?next=%2Fexample-name');
});
