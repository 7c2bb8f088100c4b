import { renderPicture } from './render.ts';

/** The program of a process that renders one picture: its parent sends the upload, receives the picture and disconnects. */

process.once('message', async (upload) => {
  if (upload instanceof Uint8Array) process.send?.(await renderPicture(upload));
});
process.once('disconnect', () => process.exit());
