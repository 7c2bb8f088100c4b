import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { breakingChanges } from '../../../scripts/reference/openapi.ts';

const FILE = join(import.meta.dirname, '..', '..', '..', 'docs', 'reference', 'openapi.json');
const checkedIn = await readFile(FILE, 'utf8');

/** The differences after something in the checked-in document has become something else. */
function breaksOf(change: (document: ReturnType<typeof JSON.parse>) => void): string[] {
  const changed = JSON.parse(checkedIn);
  change(changed);
  return breakingChanges(JSON.parse(checkedIn), changed);
}

t.test(
  'whatever programs rely on is neither removed nor renamed, and nothing more is required of them',
  async (t) => {
    t.same(
      breaksOf(({ components: { schemas } }) => {
        schemas.User.properties.nickname = schemas.User.properties.username;
        delete schemas.User.properties.username;
      }),
      ['/users/{id}', '/users/by-username/{username}'].map(
        (path) => `gone: GET /api/v1${path} answers 200 username: string`,
      ),
    );
    t.same(
      breaksOf(({ paths }) => {
        paths['/api/v1/me'].post = paths['/api/v1/me'].get;
        delete paths['/api/v1/me'].get;
      }).slice(0, 2),
      ['gone: GET /api/v1/me', 'gone: GET /api/v1/me answers 200'],
    );
    t.same(
      breaksOf(({ paths }) => {
        const { requestBody, parameters } = paths['/api/v1/posts/'].post;
        requestBody.content['application/json'].schema.properties.title.type = 'integer';
        parameters[0].required = true;
      }),
      [
        'gone: POST /api/v1/posts/ takes body title: string or null',
        'new: POST /api/v1/posts/ needs header idempotency-key',
      ],
    );
    t.same(
      breaksOf(({ paths }) => {
        paths['/api/v1/search'].get.parameters[1].schema.enum.pop();
        paths['/api/v1/bookmarks/'].get.security = [{ bearer: ['WRITE'] }];
      }),
      [
        'gone: GET /api/v1/search takes query type: people',
        'new: GET /api/v1/bookmarks/ needs the permission WRITE',
      ],
    );
  },
);

t.test('additions break nothing, and neither do other names of schemas', async (t) => {
  const breaks = breaksOf(({ paths, components: { schemas } }) => {
    schemas.Post.properties.mood = { type: 'string' };
    schemas.Person = schemas.User;
    paths['/api/v1/users/{id}'].get.responses[200].content['application/json'].schema = {
      $ref: '#/components/schemas/Person',
    };
    paths['/api/v1/posts/'].get.parameters.push({ in: 'query', name: 'mood', schema: { type: 'string' } });
    paths['/api/v1/moods/'] = { post: paths['/api/v1/posts/'].post };
  });
  t.same(breaks, []);
});
