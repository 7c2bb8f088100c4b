import { sql } from 'kysely';
import t from 'tap';
import type { Db } from '../../src/database/schema.ts';
import { build } from '../support/build.ts';
import { type ColumnTypes, readSchemaTypes } from '../support/schema-types.ts';

/** Of libraries, which query them without Kysely's types. */
const TABLES_OF_LIBRARIES = ['kysely_migration', 'kysely_migration_lock', 'rate_limits'];

/** What node-postgres makes of PostgreSQL's types. */
const TYPES: Readonly<Record<string, string>> = {
  integer: 'number',
  smallint: 'number',
  'double precision': 'number',
  bigint: 'string',
  numeric: 'string',
  text: 'string',
  'character varying': 'string',
  uuid: 'string',
  inet: 'string',
  tsvector: 'string',
  boolean: 'boolean',
  bytea: 'Buffer',
  date: 'Date',
  'timestamp with time zone': 'Date',
  'text[]': 'string[]',
  'integer[]': 'number[]',
  jsonb: 'json',
  'jsonb[]': 'json',
};

interface Column {
  readonly name: string;
  readonly type: string;
  readonly isNullable: boolean;
  readonly hasDefault: boolean;
  /** Whether an insert may not give a value. */
  readonly isAlwaysGenerated: boolean;
  /** The check constraints of its domain, and of this column alone. */
  readonly checks: readonly string[];
}

/** All columns of the application's tables. Those of pg-boss are in a separate schema. */
async function readColumns(db: Db): Promise<readonly Column[]> {
  const { rows } = await sql<Column>`
    select relname || '.' || attname as name, not attnotnull as "isNullable",
      format_type(coalesce(nullif(typbasetype, 0), atttypid), null) as type,
      atthasdef or attidentity <> '' as "hasDefault", attidentity = 'a' or attgenerated <> '' as "isAlwaysGenerated",
      array(
        select pg_get_constraintdef(pg_constraint.oid) from pg_constraint
        where contype = 'c' and (contypid = atttypid or conrelid = attrelid and conkey = array[attnum])
      ) as checks
    from pg_attribute join pg_class on pg_class.oid = attrelid join pg_type on pg_type.oid = atttypid
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm') and attnum > 0
      and not attisdropped and relname <> all (${TABLES_OF_LIBRARIES})
  `.execute(db);
  return rows;
}

/** What `Schema` should say of a column. A check such as `kind in ('mute', 'block')` makes a union. */
function typesFor(column: Column): ColumnTypes {
  const { type, isNullable, hasDefault, isAlwaysGenerated } = column;
  const choices = choicesOf(column);
  const selected = choices.length > 0 ? choices.join(' | ') : (TYPES[type] ?? `unknown type ${type}`);
  return {
    selected: selected + (isNullable ? ' | null' : ''),
    inserted: isAlwaysGenerated ? 'never' : hasDefault || isNullable ? 'optional' : 'required',
  };
}

function choicesOf({ checks }: Column): readonly string[] {
  const list = checks.map((check) => /= ANY \(+ARRAY\[([^\]]+)\]/.exec(check)?.[1]).find(Boolean);
  const values = list?.split(', ').map((value) => value.replace(/::.*$/, '')) ?? [];
  return values.sort();
}

/** What `Schema` says, without what it may promise beyond PostgreSQL. */
function relax({ selected, inserted }: ColumnTypes, column: Column): ColumnTypes {
  const mustBe = typesFor(column);
  return {
    // A union of texts that nothing checks.
    selected: choicesOf(column).length > 0 ? selected : selected.replace(/'.*'/, 'string'),
    // A default that only a trigger changes.
    inserted: inserted === 'never' && mustBe.inserted === 'optional' ? 'optional' : inserted,
  };
}

t.test('the types of the tables match the database', async (t) => {
  const { db } = await build(t);
  const said = readSchemaTypes(t.testdir());
  const columns = await readColumns(db);
  for (const column of columns) {
    const types = said.get(column.name);
    if (types !== undefined) said.set(column.name, relax(types, column));
  }
  const expected = columns.map((column) => [column.name, typesFor(column)] as const);
  t.same(Object.fromEntries(said), Object.fromEntries(expected));
});

// Newer minor releases, such as 15.20, refuse to add a column with a default to a table whose row such a function reads.
t.test('no function with a pre-parsed body takes a row of a table', async (t) => {
  const { db } = await build(t);
  const { rows } = await sql`
    select distinct proname from pg_proc
    join pg_type on pg_type.oid = any(proargtypes)
    where prosqlbody is not null and typtype = 'c' and pronamespace = 'public'::regnamespace
  `.execute(db);
  t.same(rows, []);
});
