import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { API, type Checker, SymbolFlags, type Type, TypeFlags } from 'typescript/unstable/sync';

const ROOT = join(import.meta.dirname, '..', '..');
const SCHEMA = join(ROOT, 'src', 'database', 'schema.ts');

/** What `Schema` says of a column. */
export interface ColumnTypes {
  /** The selected type, such as `string`, `'mute' | 'block' | null` or `json`. */
  readonly selected: string;
  readonly inserted: 'required' | 'optional' | 'never';
}

/**
 * Asks the compiler what `Schema` says, by `table.column`.
 *
 * @param folder an empty folder for a project that only has the schema, because reading all files would take seconds
 */
export function readSchemaTypes(folder: string): Map<string, ColumnTypes> {
  const config = join(folder, 'tsconfig.json');
  writeFileSync(
    config,
    JSON.stringify({ extends: join(ROOT, 'tsconfig.json'), files: [SCHEMA], include: [] }),
  );
  const api = new API({ cwd: ROOT });
  try {
    const checker = api.updateSnapshot({ openProjects: [config] }).getProject(config)?.checker;
    const schema = checker?.resolveName('Schema', SymbolFlags.Interface, { document: SCHEMA, position: 0 });
    if (checker === undefined || schema === undefined) throw new Error(`There is no Schema in ${SCHEMA}`);
    const tables = membersOf(checker, checker.getDeclaredTypeOfSymbol(schema));
    return new Map(
      tables.flatMap(([table, row]) =>
        membersOf(checker, row).map(([column, type]) => [`${table}.${column}`, describe(checker, type)]),
      ),
    );
  } finally {
    api.close();
  }
}

function membersOf(checker: Checker, type: Type): (readonly [name: string, Type])[] {
  return checker.getPropertiesOfType(type).flatMap((symbol) => {
    const member = checker.getTypeOfSymbol(symbol);
    return member === undefined ? [] : [[symbol.name, member] as const];
  });
}

/** Kysely's `ColumnType` has a property with each type. Any other type is the one for selecting and inserting. */
function describe(checker: Checker, type: Type): ColumnTypes {
  const parts = new Map(membersOf(checker, type));
  const [selected, inserted] = [parts.get('__select__') ?? type, parts.get('__insert__') ?? type];
  return { selected: selectedType(checker, selected), inserted: insertedType(inserted) };
}

function selectedType(checker: Checker, type: Type): string {
  const isNull = ({ flags }: Type) => (flags & (TypeFlags.Null | TypeFlags.Unknown)) !== 0;
  const names = partsOf(type)
    .filter(({ flags }) => !(flags & TypeFlags.Null))
    .map((part) => nameOf(checker, part));
  return [...new Set(names.sort()), ...(partsOf(type).some(isNull) ? ['null'] : [])].join(' | ');
}

function insertedType(type: Type): ColumnTypes['inserted'] {
  if (type.flags & TypeFlags.Never) return 'never';
  return partsOf(type).some(({ flags }) => flags & TypeFlags.Nullable) ? 'optional' : 'required';
}

function partsOf(type: Type): readonly Type[] {
  return type.isUnionType() ? type.getTypes() : [type];
}

/** Objects that node-postgres does not parse from JSON. */
const OBJECTS = new Set(['Date', 'Buffer', 'string[]', 'number[]']);

/** What is parsed from JSON may have any type. */
function nameOf(checker: Checker, type: Type): string {
  if (type.isStringLiteralType()) return `'${type.value}'`;
  if (type.isBooleanLiteralType()) return 'boolean';
  const name = checker.typeToString(type).replace(/^readonly |<.*>$/g, '');
  const isJson = type.flags & (TypeFlags.Object | TypeFlags.NonPrimitive | TypeFlags.Unknown);
  return isJson && !OBJECTS.has(name) ? 'json' : name;
}
