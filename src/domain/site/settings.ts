import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { DomainError } from '../../errors.ts';
import { indexTextsQueue } from '../../queues.ts';
import type { Dependencies } from '../dependencies.ts';
import { recordEvent } from '../security-events/record.ts';
import { SETTING_NAMES, type TypedSettings } from './fields.ts';
import { SITE_PAGES, type SitePage, type SitePageName } from './pages.ts';

/** The settings of the whole site. */
export interface SiteSettings extends TypedSettings {
  /** `links`, parsed. */
  readonly footerLinks: readonly FooterLink[];
  /** Whether people can register without an invitation. */
  readonly isOpenToStrangers: boolean;
  /** The pages about the site that are not empty. */
  readonly pages: readonly SitePage[];
  /** Changes whenever they are saved. */
  readonly version: string;
  /** Signs the time at which a registration form was shown. */
  readonly formKey: string;
}

export interface FooterLink {
  readonly label: string;
  readonly url: string;
}

/** The most characters of a setting's value in the security log. */
const MAX_LOGGED_LENGTH = 100;

const CONFLICT =
  'Somebody else has changed the settings since you opened this page. Save again to replace theirs.';

/** Loads the settings, in one statement. */
export async function loadSettings(db: Db): Promise<SiteSettings> {
  const { pages, ...settings } = await selectTyped(db)
    .select('form_key as formKey')
    .select(({ selectFrom }) =>
      sql<SitePageName[]>`array(${selectFrom('site_pages').select('name')})`.as('pages'),
    )
    .executeTakeFirstOrThrow();
  return {
    ...settings,
    footerLinks: readLinks(settings.links),
    isOpenToStrangers: settings.registration === 'open' || settings.registration === 'approval',
    pages: SITE_PAGES.filter(({ name }) => pages.includes(name)),
  };
}

/**
 * Changes settings, and records each one that differs. A new language makes a job index all texts again.
 *
 * @param changes valid according to `SettingsFields`
 * @param version that the changes are based on; undefined for any
 * @throws DomainError `edit-conflict` if the settings were saved since
 */
export async function changeSettings(
  { db, queue }: Dependencies,
  changes: Partial<TypedSettings>,
  version?: string,
): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const before = await selectTyped(trx).forUpdate().executeTakeFirstOrThrow();
    if (version !== undefined && version !== before.version) throw new DomainError('edit-conflict', CONFLICT);
    await trx.updateTable('site_settings').set(changes).execute();
    for (const name of SETTING_NAMES) {
      const value = changes[name];
      if (value === undefined || value === before[name]) continue;
      // The cut may split a surrogate pair, and PostgreSQL's JSON has no half ones.
      const detail = { setting: name, value: value.slice(0, MAX_LOGGED_LENGTH).toWellFormed() };
      await recordEvent(trx, { kind: 'setting-changed', userId: null, detail });
      if (name === 'language') await queue.send(indexTextsQueue, {}, { db: trx });
    }
  });
}

/** The settings as the form shows them. */
export function typedOf(settings: SiteSettings): Record<string, string> {
  return Object.fromEntries(SETTING_NAMES.map((name) => [name, settings[name]]));
}

function selectTyped(db: Db) {
  return db
    .selectFrom('site_settings')
    .select(SETTING_NAMES.filter((name) => name !== 'delay'))
    .select(sql<string>`delay::text`.as('delay'))
    .select(sql<string>`site_settings.xmin::text`.as('version')); // The transaction that saved the row.
}

/** @param links a label and a URL per line */
function readLinks(links: string): FooterLink[] {
  const lines = links.split('\n').filter((line) => line !== '');
  return lines.map((line) => {
    const space = line.lastIndexOf(' ');
    return { label: line.slice(0, space), url: line.slice(space + 1) };
  });
}
