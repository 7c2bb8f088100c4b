import type { FastifyInstance } from 'fastify';
import forms from '../../plugins/web/forms.ts';
import page from '../../plugins/web/page.ts';
import sameOrigin from '../../plugins/web/same-origin.ts';
import session from '../../plugins/web/session.ts';
import administration from '../admin/index.ts';
import avatars from '../avatars.ts';
import styleguide from '../dev/styleguide.ts';
import apiDocs from './api-docs.ts';
import apiTokens from './api-tokens.ts';
import archive from './archive.ts';
import account from './auth/index.ts';
import comments from './comments.ts';
import discovery from './discovery.ts';
import feeds from './feeds.ts';
import follows from './follows.ts';
import home from './home.ts';
import moderate from './moderate.ts';
import people from './people.ts';
import posts from './posts.ts';
import unsubscribe from './unsubscribe.ts';
import yourData from './your-data.ts';

/** The pages. Only they have sessions, forms and the same-origin rule. */
export default async function web(app: FastifyInstance): Promise<void> {
  app.register(avatars);
  app.register(feeds);
  app.register(discovery);
  app.register(pages);
}

async function pages(app: FastifyInstance): Promise<void> {
  await app.register(sameOrigin);
  await app.register(session);
  await app.register(forms);
  await app.register(page);

  app.register(account, { prefix: '/auth' });
  app.register(home);
  app.register(archive);
  app.register(posts);
  app.register(comments);
  app.register(people);
  app.register(follows);
  app.register(yourData, { prefix: '/your-data' });
  app.register(apiTokens, { prefix: '/api-tokens' });
  app.register(moderate, { prefix: '/moderate' });
  app.register(administration, { prefix: '/admin' });
  app.register(unsubscribe, { prefix: '/unsubscribe' });
  app.register(apiDocs);
  // Imported only if needed, because mailparser is large.
  if (app.config.smtpUrl === undefined) {
    app.register(import('../dev/mailbox.ts'), { prefix: '/dev/mailbox' });
    app.register(styleguide, { prefix: '/dev/styleguide' });
  }
}
