import { makeImage } from '../domain/images/make.ts';
import { makePicture } from '../domain/pictures/make.ts';
import { defineJob } from '../queue/index.ts';
import { pictureQueue } from '../queues.ts';

/** Makes a person's picture, or an image for posts, of what they have uploaded. */
export default defineJob(pictureQueue, ({ db, renderPicture }, upload, { signal }) =>
  'imageId' in upload
    ? makeImage({ db, renderPicture }, upload.imageId, { signal })
    : makePicture({ db, renderPicture }, upload.userId, { signal }),
);
