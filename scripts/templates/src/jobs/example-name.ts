import { runExampleName } from '../domain/example-name/run.ts';
import { exampleNameQueue } from '../queue/contracts.ts';
import { defineJob } from '../queue/job.ts';

/** Says what the job does. */
export default defineJob(exampleNameQueue, async ({ db }, { userId }, { keep }) => {
  keep(await runExampleName(db, userId));
});
