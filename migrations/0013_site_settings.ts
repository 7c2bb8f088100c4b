import { type Kysely, sql } from 'kysely';

export const kind = 'expand';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table site_settings (
      is_only_row boolean primary key default true check (is_only_row),
      name text not null default 'Pennypost' check (length(name) between 1 and 50),
      tagline text not null
        default 'Write what’s on your mind, and follow the people you like to read. Newest first. No algorithm.'
        check (length(tagline) <= 200),
      description text not null
        default 'A social blog: short and long posts in Markdown, by people who follow each other.'
        check (length(description) between 1 and 200),
      colour text not null default 'red'
        check (colour in ('red', 'orange', 'olive', 'green', 'teal', 'blue', 'violet', 'pink')),
      language text not null default 'en' check (length(language) between 2 and 35),
      registration text not null default 'open' check (registration in ('open', 'approval', 'invitation', 'closed')),
      delay smallint not null default 0 check (delay between 0 and 60),
      links text not null default '' check (length(links) <= 2500),
      api text not null default 'members' check (api in ('members', 'everyone')),
      crawlers text not null default 'allow' check (crawlers in ('allow', 'disallow')),
      form_key uuid not null default gen_random_uuid()
    );
    comment on table site_settings is 'What Administrators have set for the whole site. It has one row.';
    insert into site_settings default values;

    create table site_pages (
      name text primary key check (name in ('rules', 'about', 'imprint', 'privacy')),
      body text not null check (length(body) between 1 and 50000),
      body_html text not null
    );
    comment on table site_pages is 'Pages that Administrators have written about the site. An empty page has no row.';
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table site_settings, site_pages`.execute(db);
}
