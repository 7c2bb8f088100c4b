import t from 'tap';
import { mayChange } from '../../../src/domain/posts/write.ts';

t.test('only the author and Administrators may change a text, and only while they may write', (t) => {
  const author = { id: 1, role: 'User', isConfirmed: true, silencedUntil: null } as const;
  const text = { authorId: author.id };
  t.ok(mayChange(author, text));
  t.ok(mayChange({ ...author, id: 2, role: 'Administrator' }, text));
  t.notOk(mayChange({ ...author, id: 2, role: 'Moderator' }, text));
  t.notOk(mayChange({ ...author, silencedUntil: new Date('2027-03-27') }, text), 'silenced');
  t.notOk(mayChange({ ...author, isConfirmed: false }, text), 'unconfirmed');
  t.notOk(mayChange(null, text), 'a visitor');
  t.end();
});
