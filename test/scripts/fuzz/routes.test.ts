import t from 'tap';
import { fillPattern, matcherOf, parametersOf } from '../../../scripts/fuzz/routes.ts';

t.test('patterns are filled and matched', async (t) => {
  t.same(parametersOf('/archive/:year/:month'), ['year', 'month']);
  t.equal(
    fillPattern('/post/:id/delete', (name) => `<${name}>`),
    '/post/<id>/delete',
  );
  t.equal(
    fillPattern('/files/*', () => 'x'),
    '/files/x',
  );
  const match = matcherOf('/avatar/:seed(^[a-z]+).svg');
  t.same([...(match('/avatar/abc.svg') ?? [])], [['seed', 'abc']]);
  t.equal(match('/avatar/abcXsvg'), undefined);
  t.equal(match('/avatar/a/b.svg'), undefined);
});
