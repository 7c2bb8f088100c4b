import { queueContracts } from '../../src/all-queues.ts';
import { StartupError } from '../../src/errors.ts';
import { type QueueContract, ruleOf, type Schedule } from '../../src/queue/index.ts';
import { docCommentsByName } from './doc-comments.ts';
import { code, page, table } from './markdown.ts';

const INTRODUCTION = `These are the contracts in [src/queues.ts](../../src/queues.ts).
[ARCHITECTURE.md](../../ARCHITECTURE.md#what-delivery-promises) says what delivery promises.

- **Retries**: how often a failed job runs again before it becomes a dead letter, in the queue \`NAME.dead\`. The
  delay doubles from the first to the last, with a jitter of up to half.
- **Timeout**: how long an attempt may take. Then its signal is aborted and it fails.
- **Concurrency**: how many jobs of the queue one worker runs at a time; without a number, as many as it has slots.
- **Limited by**: the contract's own rate, and the key by which Operators can limit jobs at \`/admin/jobs/limits\`. They can
  also limit the whole queue.
- **Schedules**: when a job is enqueued automatically, by name: in cron's or iCalendar's format, and in \`SITE_TIME_ZONE\`
  unless another time zone is named.
- **Same key**: the rule for jobs with the same key. With \`unique-while-waiting\`, no other is enqueued while one waits; with
  \`unique-until-done\`, nor while one runs. With \`replace\`, a waiting job gets the newest payload; with \`debounce\`, its wait
  also starts again. With \`in-order\`, a job starts when those before it have ended.
- **Thread**: the queue's jobs compute in a thread, and start only when one is free.`;

/**
 * The page about queues.
 *
 * @throws StartupError if a contract has no doc comment
 */
export async function describeQueues(read: (file: string) => Promise<string>): Promise<string> {
  const source = await read('src/queues.ts');
  const purposes = docCommentsByName(source, /export const \w+ = defineQueue\(\{\s+name: '(?<name>[\w-]+)'/);
  const rows = queueContracts.map((contract) => {
    const purpose = purposes.get(contract.name);
    if (purpose === undefined) throw new StartupError(1, `The queue ${contract.name} has no doc comment`);
    return [code(contract.name), purpose, ...settingsOf(contract)];
  });
  return page('Queues', INTRODUCTION, table(HEADINGS, rows));
}

const HEADINGS = [
  ...['queue', 'what its jobs do', 'retries', 'timeout', 'concurrency', 'priority', 'limited by'],
  ...['schedules', 'same key', 'thread'],
];

function settingsOf(contract: QueueContract): string[] {
  const { retry, timeoutSeconds, concurrency, priority, rate, limitedBy, key, runs } = contract;
  return [
    `${retry.limit}, after ${duration(retry.delaySeconds)} to ${duration(retry.maxDelaySeconds)}`,
    duration(timeoutSeconds),
    String(concurrency ?? ''),
    String(priority ?? ''),
    [rate, limitedBy].filter((limit) => limit !== undefined).join(', '),
    (contract.schedules ?? []).map(scheduleOf).join('<br>'),
    key === undefined ? '' : key.rule,
    runs === undefined ? '' : 'yes',
  ];
}

function scheduleOf({ name, timeZone, ...recurrence }: Schedule): string {
  return [`${name}:`, code(ruleOf(recurrence)), timeZone].filter((part) => part !== undefined).join(' ');
}

function duration(seconds: number): string {
  if (seconds % 3_600 === 0) return `${seconds / 3_600} h`;
  return seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;
}
