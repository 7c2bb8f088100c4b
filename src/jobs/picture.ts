import { makeImage } from '../domain/images/make.ts';
import { makePicture } from '../domain/pictures/make.ts';
import { pictureRenderer } from '../domain/pictures/renderer.ts';
import { defineJob } from '../queue/index.ts';
import { pictureQueue } from '../queues.ts';

/** Makes a person's picture, or an image for posts, of what they have uploaded. */
export default defineJob(pictureQueue, ({ db, config }, upload, { compute }) => {
  const renderPicture = pictureRenderer(compute, config.pictureTimeoutMs);
  return 'imageId' in upload
    ? makeImage({ db, renderPicture }, upload.imageId)
    : makePicture({ db, renderPicture }, upload.userId);
});
