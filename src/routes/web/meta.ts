import { firstImageIn, largestFilePath } from '../../domain/images/image.ts';
import type { Place } from '../../domain/page.ts';
import type { Profile } from '../../domain/people/find.ts';
import { excerptOf } from '../../domain/posts/excerpt.ts';
import type { Post } from '../../domain/posts/list.ts';
import { pathOfPost } from '../../domain/posts/path.ts';
import type { SiteSettings } from '../../domain/site/settings.ts';
import { pathOfTag } from '../../domain/tags/name.ts';
import type { PageMeta } from '../../plugins/web/page.ts';
import { queryOf } from './params.ts';

/** Metadata for search engines and link previews. */

const MAX_DESCRIPTION_LENGTH = 160;
const MAX_TITLE_LENGTH = 70;

export function metaOfHome(
  place: Place,
  { name, description }: Pick<SiteSettings, 'name' | 'description'>,
): PageMeta {
  return { description, path: `/${queryOf(place)}`, feeds: [{ title: name, path: '/feed' }] };
}

/** A post's title, or else its beginning, with its author. */
export function titleOfPost({ title, bodyHtml, authorUsername }: Post): string {
  if (title !== null) return `${title} by ${authorUsername}`;
  const beginning = excerptOf(bodyHtml, MAX_TITLE_LENGTH);
  return beginning === '' ? `Post by ${authorUsername}` : `“${beginning}” by ${authorUsername}`;
}

export function metaOfPost(post: Post, place: Place, baseUrl: string): PageMeta {
  const description = excerptOf(post.bodyHtml, MAX_DESCRIPTION_LENGTH) || `A post by ${post.authorUsername}.`;
  const path = pathOfPost(post);
  const url = baseUrl + path;
  const imageKey = firstImageIn(post.bodyHtml);
  const image = imageKey && largestFilePath(imageKey);
  return {
    description,
    path: path + queryOf(place),
    type: 'article',
    ...(image && { image }),
    feeds: [{ title: 'Comments on this post', path: `/post/${post.id}/feed` }],
    jsonLd: {
      '@context': 'https://schema.org',
      '@type': 'BlogPosting',
      '@id': url,
      url,
      headline: post.title ?? (excerptOf(post.bodyHtml, 110) || description),
      description,
      ...(image && { image: baseUrl + image }),
      datePublished: post.createdAt.toISOString(),
      dateModified: (post.editedAt ?? post.createdAt).toISOString(),
      commentCount: post.commentCount,
      ...(post.tags.length > 0 && { keywords: post.tags }),
      author: {
        '@type': 'Person',
        name: post.authorUsername,
        url: `${baseUrl}/user/${post.authorUsername}`,
      },
    },
  };
}

export function metaOfTag(tag: string, place: Place, siteName: string): PageMeta {
  const path = pathOfTag(tag);
  return {
    description: `Posts tagged #${tag} on ${siteName}.`,
    path: path + queryOf(place),
    feeds: [{ title: `Posts tagged #${tag}`, path }],
  };
}

export function metaOfProfile(profile: Profile, place: Place, siteName: string): PageMeta {
  const { username, name, aboutMe } = profile;
  const path = `/user/${username}`;
  const about = aboutMe.replaceAll(/\s+/g, ' ').slice(0, MAX_DESCRIPTION_LENGTH);
  return {
    description: about || `${name || username} writes on ${siteName}.`,
    path: path + queryOf(place),
    type: 'profile',
    feeds: [{ title: `Posts by ${username}`, path: `${path}/feed` }],
  };
}
