import { runExampleName } from '../domain/example-name/run.ts';
import { defineJob } from '../queue/index.ts';
import { exampleNameQueue } from '../queues.ts';

/** Says what the job does. */
export default defineJob(exampleNameQueue, async ({ db }, { userId }, { keep }) => {
  keep(await runExampleName(db, userId));
});
