import { makePicture } from '../domain/pictures/make.ts';
import { pictureQueue } from '../queue/contracts.ts';
import { defineJob } from '../queue/job.ts';

/** Makes a person's picture of what they have uploaded. */
export default defineJob(pictureQueue, ({ db, renderPicture }, { userId }, { signal }) =>
  makePicture({ db, renderPicture }, userId, { signal }),
);
