import { imageSize } from 'image-size';
import { DomainError } from '../../errors.ts';
import { FAULT_MESSAGES, isTooLarge } from '../pictures/picture.ts';
import type { Dimensions } from './image.ts';

/** The formats that sharp may decode, as image-size names them. */
const FORMATS: ReadonlySet<string | undefined> = new Set(['jpg', 'png', 'webp', 'avif', 'gif']);

/** EXIF orientations from 5 on are rotated by 90 degrees. */
const FIRST_ROTATED = 5;

/**
 * Reads the format and dimensions from an upload's header, without decoding it.
 *
 * @returns the dimensions of the upright image. The orientation is known only for a JPEG; the job corrects others.
 * @throws DomainError `unusable-image` if it has another format, or is too large to decode
 */
export function inspectUpload(content: Uint8Array): Dimensions {
  const { type, width, height, orientation = 1 } = readHeader(content);
  if (!FORMATS.has(type) || !(width > 0 && height > 0)) throw unusable('unreadable');
  const size = { width: Math.ceil(width), height: Math.ceil(height) };
  if (isTooLarge(size)) throw unusable('too-large');
  return orientation >= FIRST_ROTATED ? { width: size.height, height: size.width } : size;
}

function readHeader(content: Uint8Array) {
  try {
    return imageSize(content);
  } catch {
    throw unusable('unreadable');
  }
}

const unusable = (fault: keyof typeof FAULT_MESSAGES) =>
  new DomainError('unusable-image', FAULT_MESSAGES[fault]);
