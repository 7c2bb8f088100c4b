import type { PictureFault } from '../../database/image-tables.ts';

/** The purpose of an upload: a profile picture is cropped to a square, an image in a post is kept whole. */
export type Purpose = 'profile' | 'post';

/** An upload, decoded and stripped, as WebP in several widths. */
export interface Picture {
  /** The size of the upright upload, in pixels. */
  readonly width: number;
  readonly height: number;
  /** By width, the smallest first. */
  readonly files: readonly PictureFile[];
}

export interface PictureFile {
  readonly width: number;
  readonly content: Uint8Array;
}

/**
 * The width and height of profile pictures, in pixels: lists show 32 CSS pixels and profiles 96, on screens with up to three
 * pixels for each.
 */
export const PICTURE_SIZES = Object.freeze({ small: 96, large: 256 });

export type PictureSize = keyof typeof PICTURE_SIZES;

/** The largest upload of a profile picture, in bytes. */
export const MAX_UPLOAD = 5 * 2 ** 20;

/** The largest picture. Decoding takes up to 20 bytes per pixel. */
export const MAX_PIXELS = 25_000_000;
export const MAX_SIDE = 10_000;

/** Whether an upload has too many pixels to be decoded. */
export function isTooLarge({ width, height }: { readonly width: number; readonly height: number }): boolean {
  return Math.max(width, height) > MAX_SIDE || width * height > MAX_PIXELS;
}

/** The message for an upload with more bytes. */
export const tooBig = (maxBytes: number) =>
  `This file is too big. Choose one of at most ${maxBytes / 2 ** 20} MB.`;

/** The message for each fault of an upload. */
export const FAULT_MESSAGES: Readonly<Record<PictureFault, string>> = Object.freeze({
  unreadable: 'This file could not be read. Choose a JPEG, PNG, WebP, AVIF or GIF picture.',
  'too-large': `This picture is too large. Choose one of at most ${MAX_PIXELS / 1e6} megapixels, and ${MAX_SIDE.toLocaleString('en')} pixels wide and high.`,
  'too-slow': 'This picture takes too long to read. Choose another one.',
});

/** Renders an upload. Returns the picture, or why that is impossible. */
export type RenderPicture = (upload: Uint8Array, purpose: Purpose) => Promise<Picture | PictureFault>;
