import type { FastifyInstance } from 'fastify';
import type { ListedPost } from '../../domain/posts/list.ts';
import { requireThisMachine } from '../loopback.ts';

const MOMENT = new Date('2026-01-10T08:00:00Z');
const AVATAR_SEED = '3f0c2a56-8a5e-4d0e-9a53-6f3a4b1c2d7e';

const POST_TEXT = `# A heading

A post is *Markdown*: with **strong words**, ~~mistakes~~, \`code\`, a note[^1], <kbd>Ctrl</kbd> and [links](https://example.com).
It may be about #stamps.

## A smaller one

- a list
- of two
  1. with another

- [x] done
- [ ] to do

### A third

> What someone else said.

| Stamp | Year | Price |
| :--- | :---: | ---: |
| Penny Black | 1840 | 1d |
| Two Penny Blue, which was the second stamp of all | 1840 | 2d |

#### A fourth

\`\`\`js
// A block of code, whose lines are long enough to scroll on their own and do not wrap.
export async function post(letter, { stamps = 1 } = {}) {
  if (stamps < 1) throw new TypeError(\`No stamp: \${letter.address}\`);
  return /^\\d+$/.test(letter.postcode) && null;
}
\`\`\`

\`\`\`diff
- .old { color: red }
+ .new { color: green }
\`\`\`

\`\`\`html
<a href="/x" class="stamp">&amp;</a>
\`\`\`

##### A fifth

---

###### A sixth

![An image from elsewhere](https://example.com/stamp.png)

[^1]: At the end.
`;

const COMMENT_TEXT = `Well said, with two
lines, and

- a list
- of two

> and a quote.`;

/** Every component in all its states, to look at while changing the style sheet. */
export default async function styleguide(app: FastifyInstance): Promise<void> {
  app.addHook('onRequest', requireThisMachine('The style guide is only available on this machine.'));
  const author = {
    authorId: 1,
    authorUsername: 'susan',
    authorAvatarSeed: AVATAR_SEED,
    authorPictureHash: null,
    createdAt: MOMENT,
  };

  app.get('/', async (_request, reply) => {
    const { html: commentHtml } = await app.markdown.comment(COMMENT_TEXT);
    const comment = { id: 1, postId: 1, threadId: 1, bodyHtml: commentHtml, isDisabled: false, ...author };
    const answer = { ...comment, id: 3, isReply: true, parentId: 1, parentUsername: 'susan' };
    const orphan = { ...comment, id: 4, threadId: 4, isReply: true, parentId: null };
    const { html } = await app.markdown.post(POST_TEXT);
    const { html: previewHtml } = await app.markdown.post('What *will be*.');
    const post: ListedPost = {
      ...{ id: 1, title: 'A title', html, isExcerpt: true, isUnlisted: true },
      ...{ addedTags: ['a-tag', 'another'], commentCount: 1, likeCount: 2 },
      ...author,
    };
    return reply.page('dev/styleguide', {
      title: 'Style guide',
      post,
      posts: { items: [] },
      pinned: post,
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
