import type { ColumnType, Generated, GeneratedAlways } from 'kysely';

/** The tables of exports and imports. */
export interface DataTables {
  data_exports: {
    id: GeneratedAlways<number>;
    user_id: number;
    state: Generated<DataExportState>;
    /** Posts and comments written so far, and their total. */
    done: Generated<number>;
    total: Generated<number>;
    /** The finished file's size in bytes. */
    size: ColumnType<string, number | undefined, number>;
    created_at: Generated<Date>;
    ended_at: Date | null;
  };
  data_export_chunks: {
    export_id: number;
    position: number;
    content: Buffer;
  };
  data_imports: {
    id: GeneratedAlways<number>;
    user_id: number;
    state: Generated<DataImportState>;
    /** The zip file; null once the import has ended. */
    upload: Buffer | null;
    /** Why it failed. */
    fault: string | null;
    /** Posts processed so far, and their total. */
    done: Generated<number>;
    total: Generated<number>;
    /** How many of them were new. */
    imported: Generated<number>;
    images: Generated<number>;
    images_left_out: Generated<number>;
    created_at: Generated<Date>;
    ended_at: Date | null;
  };
}

export type DataImportState = 'waiting' | 'running' | 'done' | 'failed';

export type DataExportState = 'waiting' | 'running' | 'ready' | 'cancelled' | 'failed';
