import t from 'tap';
import { DurationCounter } from '../../src/queue/durations.ts';
import type { JobEnd } from '../../src/queue/events.ts';

t.test('attempts are counted by queue and duration, and the latencies of completed jobs', async (t) => {
  const counter = new DurationCounter();
  for (const [queue, durationMs, outcome] of [
    ['mail', 3, 'completed'],
    ['mail', 5, 'failed'],
    ['mail', 6, 'completed'],
    ['exports', 5, 'completed'],
    ['exports', 86_400_000, 'given up'],
    ['exports', 86_400_001, 'timed out'],
  ] as const)
    counter.add({ queue, durationMs, ageMs: 1000 * durationMs, outcome } as JobEnd);
  t.strictSame(counter.take(), {
    job_durations: [
      { queue: 'mail', bucket: 0.005, jobs: 2, seconds: 0.008 },
      { queue: 'mail', bucket: 0.01, jobs: 1, seconds: 0.006 },
      { queue: 'exports', bucket: 0.005, jobs: 1, seconds: 0.005 },
      { queue: 'exports', bucket: 86_400, jobs: 1, seconds: 86_400 },
      { queue: 'exports', bucket: Infinity, jobs: 1, seconds: 86_400.001 },
    ],
    job_latencies: [
      { queue: 'mail', bucket: 5, jobs: 1, seconds: 3 },
      { queue: 'mail', bucket: 10, jobs: 1, seconds: 6 },
      { queue: 'exports', bucket: 5, jobs: 1, seconds: 5 },
    ],
  });
  t.strictSame(counter.take(), { job_durations: [], job_latencies: [] }, 'each once');
});
