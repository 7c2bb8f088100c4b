import type { Kysely } from 'kysely';
import type { Db, Schema } from '../../database/schema.ts';
import type { Rendered } from '../markdown/text.ts';
import { recordEvent } from '../security-events/record.ts';

/** Pages about the site, in the order of the footer. Their paths are their names. */
export const SITE_PAGES = [
  { name: 'about', title: 'About' },
  { name: 'rules', title: 'Rules' },
  { name: 'privacy', title: 'Privacy' },
  { name: 'imprint', title: 'Imprint' },
] as const;

export type SitePage = (typeof SITE_PAGES)[number];

export type SitePageName = SitePage['name'];

type SitePageText = Pick<Rendered, 'body' | 'html'>;

/** Finds a page about the site. Undefined if it is empty. */
export function findSitePage(db: Db, name: SitePageName): Promise<SitePageText | undefined> {
  return db
    .selectFrom('site_pages')
    .select(['body', 'body_html as html'])
    .where('name', '=', name)
    .executeTakeFirst();
}

/** Replaces a page about the site; an empty text removes it. Records it if the text is different from before. */
export async function changeSitePage(
  db: Kysely<Schema>,
  name: SitePageName,
  { body, html }: SitePageText,
): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const before = await findSitePage(trx, name);
    if (body === (before?.body ?? '')) return;
    if (body === '') await trx.deleteFrom('site_pages').where('name', '=', name).execute();
    else {
      await trx
        .insertInto('site_pages')
        .values({ name, body, body_html: html })
        .onConflict((conflict) => conflict.column('name').doUpdateSet({ body, body_html: html }))
        .execute();
    }
    await recordEvent(trx, { kind: 'setting-changed', userId: null, detail: { setting: name } });
  });
}
