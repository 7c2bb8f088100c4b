import t from 'tap';
import { isReservedName } from '../../../src/domain/accounts/reserved-names.ts';
import { build } from '../../support/build.ts';
import { Client, errorsOf } from '../../support/client.ts';
import { registration } from '../../support/factories.ts';

t.test('names that look like the site’s own are reserved', async (t) => {
  const app = await build(t);
  for (const username of ['admin', 'Root', 'ad.min', 'Penny_Post', 'SUPPORT', 'null', 'mailer_daemon']) {
    const response = await new Client(app).post('/auth/register', registration({ username }));
    t.equal(response.statusCode, 422, username);
    t.same(errorsOf(response), { username: 'This username is reserved. Please choose another.' });
  }
  for (const username of ['john', 'susan', 'administratrix', 'abouthim', 'rootbeer'])
    t.notOk(isReservedName(username), username);
});
