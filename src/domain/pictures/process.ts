import { renderPicture } from './render.ts';

/** The program of a process that renders one picture: its parent sends the upload, receives the picture and disconnects. */

process.once('message', async (upload) => {
  if (upload instanceof Uint8Array) process.send?.(await renderPicture(upload));
});
// If its parent is killed, `process.exit` would first wait until the picture is decoded.
process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'));
