import type { ColumnType, Generated, GeneratedAlways } from 'kysely';

/** The tables of the site's settings and pages, which Administrators edit. */
export interface SiteTables {
  /** One row. `src/domain/site/fields.ts` explains the columns. */
  site_settings: {
    /** The primary key, which allows only one row. */
    is_only_row: GeneratedAlways<boolean>;
    name: Generated<string>;
    tagline: Generated<string>;
    description: Generated<string>;
    colour: Generated<'red' | 'orange' | 'olive' | 'green' | 'teal' | 'blue' | 'violet' | 'pink'>;
    language: Generated<string>;
    registration: Generated<'open' | 'approval' | 'invitation' | 'closed'>;
    delay: ColumnType<number, never, string>;
    /** One per line, each a label and a URL. */
    links: Generated<string>;
    api: Generated<'members' | 'everyone'>;
    crawlers: Generated<'allow' | 'disallow'>;
    email_subscriptions: Generated<'on' | 'off'>;
    /** Signs the time when a registration form was shown. */
    form_key: Generated<string>;
  };
  /** Pages about the site. An empty page has no row. */
  site_pages: {
    name: 'rules' | 'about' | 'imprint' | 'privacy';
    body: string;
    /** The body as sanitised HTML, rendered on saving. */
    body_html: string;
  };
}
