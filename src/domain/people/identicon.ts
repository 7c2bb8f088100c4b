import { createHash } from 'node:crypto';

const CELLS = 5;

/**
 * Draws an avatar from a seed: five by five cells, symmetrical, in one of 360 hues. The same seed always gives the same
 * picture.
 */
export function drawIdenticon(seed: string): string {
  const digest = createHash('sha256').update(seed).digest();
  const hue = digest.readUInt16BE(30) % 360;
  const cells: string[] = [];
  for (let row = 0; row < CELLS; row += 1) {
    for (let column = 0; column < CELLS; column += 1) {
      const mirrored = Math.min(column, CELLS - 1 - column);
      if (digest.readUInt8(row * 3 + mirrored) % 2 === 0) cells.push(`M${column + 1} ${row + 1}h1v1h-1z`);
    }
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 7 7"><path fill="hsl(${hue} 35% 92%)" d="M0 0h7v7H0z"/><path fill="hsl(${hue} 50% 40%)" d="${cells.join('')}"/></svg>`;
}
