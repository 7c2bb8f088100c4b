import { renderOldTexts } from '../domain/markdown/render-again.ts';
import { findMentioned } from '../domain/mentions/render.ts';
import { renderTextsQueue } from '../queue/contracts.ts';
import { defineJob } from '../queue/job.ts';

/** Renders texts that an older release has rendered. */
export default defineJob(renderTextsQueue, ({ db, queue, markdown }, _payload, { signal }) =>
  renderOldTexts(
    {
      db,
      queue,
      markdown,
      peopleOf: (table, id) => findMentioned(db, table === 'posts' ? { postId: id } : { commentId: id }),
    },
    { signal },
  ),
);
