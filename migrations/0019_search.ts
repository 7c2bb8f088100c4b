import { type Kysely, sql } from 'kysely';

export const kind = 'expand';

/** The text search configuration of each language that PostgreSQL 15 has a stemmer for. */
const CONFIGS = {
  ar: 'arabic',
  ca: 'catalan',
  da: 'danish',
  de: 'german',
  el: 'greek',
  en: 'english',
  es: 'spanish',
  eu: 'basque',
  fi: 'finnish',
  fr: 'french',
  ga: 'irish',
  hi: 'hindi',
  hu: 'hungarian',
  hy: 'armenian',
  id: 'indonesian',
  it: 'italian',
  lt: 'lithuanian',
  nb: 'norwegian',
  ne: 'nepali',
  nl: 'dutch',
  nn: 'norwegian',
  no: 'norwegian',
  pt: 'portuguese',
  ro: 'romanian',
  ru: 'russian',
  sr: 'serbian',
  sv: 'swedish',
  ta: 'tamil',
  tr: 'turkish',
  yi: 'yiddish',
};

export async function up(db: Kysely<unknown>): Promise<void> {
  await createFunctions(db);
  await indexWords(db, 'post', ['position', 'bigint', 'position'], 'title, tags, body_html');
  await indexWords(db, 'comment', ['comment_id', 'integer', 'id'], 'body_html');
  await sql`
    -- For dates in a search.
    create index comments_created_at_id_idx on comments (created_at, id);
    -- For finding people by the beginnings of their names.
    create index users_names_idx on users using gin (name_words(username, name)) where confirmed_at is not null;
    -- For listing people. Of others there may be any number.
    create index users_confirmed_idx on users (id) where confirmed_at is not null and deletion_due_at is null;
  `.execute(db);
}

/** Turns texts into words to search for. The order matters: each uses those before it. */
async function createFunctions(db: Kysely<unknown>): Promise<void> {
  const cases = Object.entries(CONFIGS).map(([code, name]) => `when '${code}' then '${name}'`);
  await sql`
    create function search_config() returns regconfig language sql stable
      return (
        select (case lower(split_part(language, '-', 1)) ${sql.raw(cases.join(' '))} else 'simple' end)::regconfig
        from site_settings
      );

    -- Sanitised HTML as text. Without the two characters by which a search marks what it has found.
    create function plain_text(html text) returns text language sql immutable parallel safe
      return translate(
        replace(replace(replace(replace(replace(
          regexp_replace(
            regexp_replace(html, '</?(?:a|abbr|acronym|b|code|del|em|i|mark|s|span|strong|sub|sup)\\M[^>]*>', '', 'g'),
            '<[^>]*(?:>|$)', ' ', 'g'
          ),
          '&lt;', '<'), '&gt;', '>'), '&quot;', '"'), '&#39;', ''''), '&amp;', '&'
        ),
        chr(57344) || chr(57345), ''
      );

    -- Latin letters without accents, and no < or >, between which PostgreSQL would take words for a tag of XML. Nor words
    -- of more than 200 characters: its parser looks ahead to the end of a word for a host, again and again, and would take
    -- minutes for a text of 'a_a_a_'. As many characters as before, so that a search can mark what it has found.
    create function without_accents(text text) returns text language sql immutable parallel safe
      return regexp_replace(
        case
          when octet_length(text) = length(text) then translate(text, '<>', '  ')
          else normalize(
            regexp_replace(normalize(translate(text, '<>', '  '), nfd), '([A-Za-z])[\\u0300-\\u036f]+', '\\1', 'g'), nfc
          )
        end,
        '(\\S{199})\\S', '\\1 ', 'g'
      );

    -- A word for the range of positions or ids that a text is in, which no text and no search can have, because ~ is in no
    -- word. It lets a search ask the index for the newest matches first. A range has 100 days of posts, or 131,072 comments.
    create function range_word(key bigint, bits integer) returns tsvector language sql immutable parallel safe
      return array_to_tsvector(array['~' || (key >> bits)]);

    -- Bodies in quotation marks, because PostgreSQL refuses to add a column with a default to a table whose row another kind
    -- of body reads.
    create function words_of(post posts) returns tsvector language sql stable as $$
      select
        setweight(to_tsvector(
          search_config(), without_accents(concat_ws(' ', post.title, array_to_string(post.tags, ' ')))
        ), 'A')
        || setweight(to_tsvector(search_config(), without_accents(plain_text(post.body_html))), 'B')
        || range_word(post.position, 43)
    $$;

    create function words_of(comment comments) returns tsvector language sql stable as $$
      select to_tsvector(search_config(), without_accents(plain_text(comment.body_html))) || range_word(comment.id, 17)
    $$;

    create function name_words(username text, name text) returns tsvector language sql immutable parallel safe
      return to_tsvector('simple'::regconfig, regexp_replace(
        without_accents(username || ' ' || name), '[!-/:-@[-\`{-~’]+', ' ', 'g'
      ));
  `.execute(db);
}

/** Keeps the words of posts or comments in a table of their own, because rows of posts are rewritten for each comment. */
async function indexWords(
  db: Kysely<unknown>,
  noun: 'post' | 'comment',
  key: readonly [column: string, type: string, references: string],
  columns: string,
): Promise<void> {
  const [column, type, references, words, texts] = [...key, `${noun}_words`, `${noun}s`].map((name) =>
    sql.raw(name),
  );
  await sql`
    create table ${words} (
      ${column} ${type} primary key references ${texts} (${references}) on update cascade on delete cascade,
      words tsvector not null
    );
    comment on table ${words} is
      'The words of ${texts}, for searching. A trigger maintains it.';
    create index ${sql.raw(`${noun}_words_words_idx`)} on ${words} using gin (words);

    create function ${sql.raw(`index_${noun}`)}() returns trigger language plpgsql as $$
    begin
      insert into ${words} values (new.${references}, words_of(new))
        on conflict (${column}) do update set words = excluded.words;
      return null;
    end $$;
    create trigger ${sql.raw(`${noun}s_indexed`)} after insert or update of ${sql.raw(columns)} on ${texts}
      for each row execute function ${sql.raw(`index_${noun}`)}();
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`
    drop function index_post, index_comment cascade;
    drop table post_words, comment_words;
    drop index comments_created_at_id_idx, users_names_idx, users_confirmed_idx;
    drop function name_words, words_of(posts), words_of(comments), range_word, without_accents, plain_text, search_config;
  `.execute(db);
}
