import type { Generated, GeneratedAlways } from 'kysely';

/** The lines of a new table. */
export interface ExampleTables {
  /** Says what a row is. */
  example_name: {
    id: GeneratedAlways<number>;
    created_at: Generated<Date>;
  };
}
