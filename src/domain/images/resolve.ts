import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import type { Images } from '../markdown/text.ts';
import { KEY_PATTERN } from './image.ts';

/** Images per post. Others are shown as links. */
const MAX_IMAGES = 100;

const PATHS = new RegExp(`/images/(${KEY_PATTERN})`, 'g');

/**
 * The images that an author's text may show, by key: only their own. Costs a query if the text has the path of an image.
 */
export async function resolveImages(db: Db, authorId: number, body: string): Promise<Images> {
  const keys = new Set(Array.from(body.matchAll(PATHS), ([, key = '']) => key));
  if (keys.size === 0) return new Map();
  const images = await db
    .selectFrom('images')
    .select(['key', 'width', 'height'])
    .where('owner_id', '=', authorId)
    .where(sql<boolean>`key = any(${[...keys].slice(0, MAX_IMAGES)}::text[])`)
    .where('fault', 'is', null)
    .execute();
  return new Map(images.map(({ key, ...dimensions }) => [key, dimensions]));
}
