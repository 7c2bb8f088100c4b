import sharp from 'sharp';
import type { PictureFault } from '../../database/schema.ts';
import { MAX_PIXELS, MAX_SIDE, PICTURE_SIZES, type Picture } from './picture.ts';

/** libvips's decoders for the formats that people may upload. All others are disabled. */
const DECODERS = ['Jpeg', 'Png', 'Webp', 'Heif'].map((format) => `VipsForeignLoad${format}Buffer`);

sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({ operation: DECODERS });
sharp.cache(false);
sharp.concurrency(1);

/**
 * Rotates an upload as its camera says, crops it to a square and scales it. Keeps no metadata.
 *
 * Decoding hostile bytes may crash, or take much time and memory, so jobs use `app.renderPicture`.
 */
export async function renderPicture(upload: Uint8Array): Promise<Picture | PictureFault> {
  try {
    // Only reads the header.
    const { width, height } = await sharp(upload, { limitInputPixels: false }).metadata();
    if (Math.max(width, height) > MAX_SIDE || width * height > MAX_PIXELS) return 'too-large';
    const { large, small } = PICTURE_SIZES;
    const { data, info } = await sharp(upload, { limitInputPixels: MAX_PIXELS, failOn: 'error' })
      .autoOrient()
      // Crops before anything is enlarged: a strip as high as the square would be millions of pixels wide.
      .resize(large, large, { withoutEnlargement: true })
      .flatten({ background: 'white' })
      .toColourspace('srgb')
      .raw()
      .toBuffer({ resolveWithObject: true });
    const cropped = sharp(data, { raw: info });
    return {
      large: await cropped.clone().resize(large, large).webp().toBuffer(),
      small: await cropped.clone().resize(small, small).webp().toBuffer(),
    };
  } catch {
    return 'unreadable';
  }
}
