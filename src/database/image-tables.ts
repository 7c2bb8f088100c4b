import type { ColumnType, Generated, GeneratedAlways } from 'kysely';

/** The tables of images in posts. */
export interface ImageTables {
  images: {
    id: GeneratedAlways<number>;
    /** The key in its URL. Random, so that nobody can find the images of drafts. */
    key: string;
    owner_id: number;
    /** The alternative text; empty if it is decorative. */
    alt: string;
    /** The size of the upload in pixels, after it was turned upright. */
    width: number;
    height: number;
    /** Null once its job has ended. */
    upload: Buffer | null;
    /** Why the upload did not become an image. */
    fault: PictureFault | null;
    /** The stored bytes: at first of the upload, then of the files. */
    size: number;
    /** When the last post stopped showing it; null while one does. Set by a trigger. */
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

/** Why an upload did not become a picture. */
export type PictureFault = 'unreadable' | 'too-large' | 'too-slow';
