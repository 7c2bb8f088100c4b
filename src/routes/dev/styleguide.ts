import type { FastifyInstance } from 'fastify';
import { requireThisMachine } from '../loopback.ts';

const MOMENT = new Date('2026-01-10T08:00:00Z');
const AVATAR_SEED = '3f0c2a56-8a5e-4d0e-9a53-6f3a4b1c2d7e';

const POST_TEXT = `# A heading

A post is *Markdown*: with **strong words**, \`code\` and [links](https://example.com).

- a list
- of two

> What someone else said.

\`\`\`
a block of code
\`\`\``;

/** Every component in all its states, to check while changing the style sheet. */
export default async function styleguide(app: FastifyInstance): Promise<void> {
  app.addHook('onRequest', requireThisMachine('The style guide is only available on this machine.'));
  const author = { authorId: 1, authorUsername: 'susan', authorAvatarSeed: AVATAR_SEED, createdAt: MOMENT };
  const comment = { id: 1, postId: 1, threadId: 1, bodyHtml: 'Well said.', isDisabled: false, ...author };
  const answer = { ...comment, id: 3, isReply: true, parentId: 1, parentUsername: 'susan' };
  const orphan = { ...comment, id: 4, threadId: 4, isReply: true, parentId: null };

  app.get('/', async (_request, reply) => {
    const { html: bodyHtml } = await app.markdown.post(POST_TEXT);
    const { html: previewHtml } = await app.markdown.post('What *will be*.');
    const post = { id: 1, bodyHtml, editedAt: null, commentCount: 1, ...author };
    return reply.page('dev/styleguide', {
      title: 'Style guide',
      post,
      posts: { items: [post] },
      comments: { items: [comment, answer, { ...comment, id: 2, threadId: 2, isDisabled: true }, orphan] },
      mayEdit: () => true,
      pagination: { prev: { text: 'Newer', href: '#newer' }, next: { text: 'Older', href: '#older' } },
      previewHtml,
      filled: { values: { name: 'Susan', text: 'Some words', choice: 'b' }, errors: {} },
      refused: {
        values: { refused_name: '' },
        errors: {
          refused_name: 'This field is required.',
          refused_text: 'Enter at most 50000 characters.',
          refused_choice: 'Invalid value.',
        },
      },
    });
  });
}
