import type { ColumnType, Generated, GeneratedAlways } from 'kysely';

/** The tables of exports. */
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
}

export type DataExportState = 'waiting' | 'running' | 'ready' | 'cancelled' | 'failed';
