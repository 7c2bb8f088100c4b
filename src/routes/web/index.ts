import type { FastifyInstance } from 'fastify';
import { answerUnknownUrl } from '../../plugins/errors.ts';
import pages from '../../plugins/web/index.ts';
import avatars from '../avatars.ts';
import apiDocs from './api-docs.ts';
import apiTokens from './api-tokens.ts';
import archive from './archive.ts';
import account from './auth/index.ts';
import blocks from './blocks.ts';
import bookmarks from './bookmarks.ts';
import comments from './comments.ts';
import discovery from './discovery.ts';
import drafts from './drafts.ts';
import explore from './explore.ts';
import feeds from './feeds.ts';
import follows from './follows.ts';
import history from './history.ts';
import home from './home.ts';
import images from './images.ts';
import likes from './likes.ts';
import mentions from './mentions.ts';
import moderate from './moderate.ts';
import notifications from './notifications.ts';
import people from './people.ts';
import picture from './picture.ts';
import posts from './posts.ts';
import reports from './reports.ts';
import searchPage from './search.ts';
import sitePages from './site-pages.ts';
import subscribe from './subscribe.ts';
import tags from './tags.ts';
import unsubscribe from './unsubscribe.ts';
import write from './write.ts';
import yourData from './your-data.ts';

/** The site's pages. Feeds, avatars and files for crawlers have no sessions. */
export default async function web(app: FastifyInstance): Promise<void> {
  app.register(avatars);
  app.register(feeds);
  app.register(discovery);
  app.register(withSessions);
}

async function withSessions(app: FastifyInstance): Promise<void> {
  await app.register(pages);
  // After the session, because its page shows who is logged in. Requests without a cookie cost no query.
  app.setNotFoundHandler(answerUnknownUrl);
  app.register(account, { prefix: '/auth' });
  app.register(home);
  app.register(write);
  app.register(drafts);
  app.register(archive);
  app.register(explore);
  app.register(searchPage);
  app.register(posts);
  app.register(history);
  app.register(tags);
  app.register(subscribe);
  app.register(comments);
  app.register(people);
  app.register(mentions);
  app.register(picture, { prefix: '/edit-profile/picture' });
  app.register(images, { prefix: '/images' });
  app.register(follows);
  app.register(blocks);
  app.register(notifications);
  app.register(likes);
  app.register(bookmarks);
  app.register(yourData, { prefix: '/your-data' });
  app.register(apiTokens, { prefix: '/api-tokens' });
  app.register(moderate, { prefix: '/moderate' });
  app.register(reports, { prefix: '/report' });
  app.register(unsubscribe, { prefix: '/unsubscribe' });
  app.register(sitePages);
  app.register(apiDocs);
}
