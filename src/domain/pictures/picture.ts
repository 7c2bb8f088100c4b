import type { PictureFault } from '../../database/schema.ts';

/** A profile picture: two squares in WebP. */
export interface Picture {
  readonly small: Uint8Array;
  readonly large: Uint8Array;
}

/** Their width and height in pixels: lists show 32 pixels and profiles 96, on screens with up to three times as many. */
export const PICTURE_SIZES = Object.freeze({ small: 96, large: 256 });

export type PictureSize = keyof typeof PICTURE_SIZES;

/** The largest upload, in bytes. */
export const MAX_UPLOAD = 5 * 2 ** 20;

/** The largest picture. Decoding takes up to 20 bytes per pixel. */
export const MAX_PIXELS = 25_000_000;
export const MAX_SIDE = 10_000;

/** Makes a picture from an upload, or finds out why that is impossible. */
export type RenderPicture = (
  upload: Uint8Array,
  options: { signal: AbortSignal },
) => Promise<Picture | PictureFault>;
