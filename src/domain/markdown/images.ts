import { imageAttributes, keyOf } from '../images/image.ts';
import type { Images } from './text.ts';

/** Returns the attributes of an image that may be shown; undefined for any other. */
export type ImageOf = (src: string) => Record<string, string> | undefined;

/** Finds images by their addresses, and adds the keys of those found to `shown`. */
export function showImages(images: Images, shown: Set<string>): ImageOf {
  return (src) => {
    const key = keyOf(src) ?? '';
    const dimensions = images.get(key);
    if (dimensions === undefined) return undefined;
    shown.add(key);
    return imageAttributes(key, dimensions);
  };
}
