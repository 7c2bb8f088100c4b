import { renderPicture } from './render.ts';

/**
 * The program of a process that renders one picture. Its parent names the purpose in the arguments, sends the upload,
 * receives the picture and disconnects.
 */

process.once('message', async (upload) => {
  const purpose = process.argv[2] === 'profile' ? 'profile' : 'post';
  if (upload instanceof Uint8Array) process.send?.(await renderPicture(upload, purpose));
});
// If its parent is killed, `process.exit` would first wait until the picture is decoded.
process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'));
