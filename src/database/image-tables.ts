import type { ColumnType, Generated, GeneratedAlways } from 'kysely';
import type { PictureFault } from './schema.ts';

/** The tables of images in posts. */
export interface ImageTables {
  images: {
    id: GeneratedAlways<number>;
    /** In its URL. Random, so that nobody finds the images of drafts. */
    key: string;
    owner_id: number;
    /** The alternative text; empty if it is decorative. */
    alt: string;
    /** In pixels, of the upload when it is upright. */
    width: number;
    height: number;
    /** Null once its job has ended. */
    upload: Buffer | null;
    /** Why the upload did not become an image. */
    fault: PictureFault | null;
    /** Bytes stored: first the upload's, then the files'. */
    size: number;
    /** Since when no post shows it; null while one does. Set by a trigger. */
    unused_since: ColumnType<Date | null, never, never>;
    created_at: Generated<Date>;
  };
  /** Each image in each of its widths, as WebP. */
  image_files: {
    image_id: number;
    width: number;
    content: ColumnType<Buffer, Uint8Array, never>;
  };
  /** The images that each post shows. A trigger fills it. */
  post_images: {
    image_id: number;
    post_id: number;
  };
}
