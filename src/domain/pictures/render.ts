import sharp, { type ResizeOptions } from 'sharp';
import type { PictureFault } from '../../database/image-tables.ts';
import { MAX_WIDTH, widthsOf } from '../images/image.ts';
import { isTooLarge, MAX_PIXELS, PICTURE_SIZES, type Picture, type Purpose } from './picture.ts';

/** libvips's decoders for the formats that people may upload. All others are disabled. */
const DECODERS = ['Jpeg', 'Png', 'Webp', 'Heif', 'Nsgif'].map((format) => `VipsForeignLoad${format}Buffer`);

sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({ operation: DECODERS });
sharp.cache(false);
sharp.concurrency(1);

/** Crops before enlarging: otherwise a narrow strip, scaled to the square's height, would be millions of pixels wide. */
const LARGEST: Record<Purpose, ResizeOptions> = {
  profile: { width: PICTURE_SIZES.large, height: PICTURE_SIZES.large, withoutEnlargement: true },
  post: { width: MAX_WIDTH, withoutEnlargement: true },
};

/**
 * Rotates an upload according to its metadata and scales it; crops it to a square for a profile. Drops all metadata, and all
 * but the first frame of an animation.
 *
 * Decoding hostile bytes may crash, or take a lot of time and memory, so jobs do it in a separate process; see `decode`.
 */
export async function renderPicture(upload: Uint8Array, purpose: Purpose): Promise<Picture | PictureFault> {
  try {
    // Only reads the header.
    const { autoOrient } = await sharp(upload, { limitInputPixels: false }).metadata();
    if (isTooLarge(autoOrient)) return 'too-large';
    const { data, info } = await sharp(upload, { limitInputPixels: MAX_PIXELS, failOn: 'error' })
      .autoOrient()
      .resize(LARGEST[purpose])
      .flatten({ background: 'white' })
      .toColourspace('srgb')
      .raw()
      .toBuffer({ resolveWithObject: true });
    const isSquare = purpose === 'profile';
    const files = [];
    for (const width of isSquare ? Object.values(PICTURE_SIZES) : widthsOf(info.width)) {
      const scaled = sharp(data, { raw: info }).resize({ width, ...(isSquare && { height: width }) });
      files.push({ width, content: await scaled.webp().toBuffer() });
    }
    return { ...autoOrient, files };
  } catch {
    return 'unreadable';
  }
}
