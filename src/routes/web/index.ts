import type { FastifyInstance } from 'fastify';
import pages from '../../plugins/web/index.ts';
import avatars from '../avatars.ts';
import apiDocs from './api-docs.ts';
import apiTokens from './api-tokens.ts';
import archive from './archive.ts';
import account from './auth/index.ts';
import blocks from './blocks.ts';
import comments from './comments.ts';
import discovery from './discovery.ts';
import feeds from './feeds.ts';
import follows from './follows.ts';
import home from './home.ts';
import images from './images.ts';
import mentions from './mentions.ts';
import moderate from './moderate.ts';
import people from './people.ts';
import picture from './picture.ts';
import posts from './posts.ts';
import reports from './reports.ts';
import sitePages from './site-pages.ts';
import unsubscribe from './unsubscribe.ts';
import yourData from './your-data.ts';

/** The site's pages. Feeds, avatars and files for robots have no sessions. */
export default async function web(app: FastifyInstance): Promise<void> {
  app.register(avatars);
  app.register(feeds);
  app.register(discovery);
  app.register(withSessions);
}

async function withSessions(app: FastifyInstance): Promise<void> {
  await app.register(pages);
  app.register(account, { prefix: '/auth' });
  app.register(home);
  app.register(archive);
  app.register(posts);
  app.register(comments);
  app.register(people);
  app.register(mentions);
  app.register(picture, { prefix: '/edit-profile/picture' });
  app.register(images, { prefix: '/images' });
  app.register(follows);
  app.register(blocks);
  app.register(yourData, { prefix: '/your-data' });
  app.register(apiTokens, { prefix: '/api-tokens' });
  app.register(moderate, { prefix: '/moderate' });
  app.register(reports, { prefix: '/report' });
  app.register(unsubscribe, { prefix: '/unsubscribe' });
  app.register(sitePages);
  app.register(apiDocs);
}
