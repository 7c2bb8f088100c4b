import type { Dimensions } from './image.ts';

/** Draws an SVG in place of an image without files. @param text must not need escaping */
export function drawPlaceholder({ width, height }: Dimensions, text: string): string {
  const size = Math.max(1, Math.round(Math.min(width / 20, height / 4)));
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">` +
    '<rect width="100%" height="100%" fill="#888"/>' +
    `<text x="50%" y="50%" font-family="sans-serif" font-size="${size}" fill="#fff" text-anchor="middle">${text}</text>` +
    '</svg>'
  );
}
